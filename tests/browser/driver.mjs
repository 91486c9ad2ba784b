// Runs scripts in node, and pages in Chromium, for driver.py: a line of JSON in, {"script": ..., "given": ...}, and one
// out, {"value": ...} or {"error": ..., "told": ...}. The modules are those of the folder that it is started in.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { pathToFileURL } from "node:url";

const modules = createRequire(process.cwd() + "/");
const load = (name) => import(pathToFileURL(modules.resolve(name)));
const Script = (async () => {}).constructor;
const SECONDS = 60;
let chromium;

// One Chromium for all scripts; --no-sandbox, since root has none, and a container's /dev/shm may be small.
const browser = async () => {
    const { default: playwright } = await load("playwright-core");
    return playwright.chromium.launch({
        executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
        timeout: SECONDS * 1000,
    });
};

// A page as in a browser that is new; what it says on its console, and its errors, go to `told`.
const open = async (contexts, told, options) => {
    chromium ??= browser();
    const context = await (await chromium).newContext(options);
    contexts.push(context);
    context.setDefaultTimeout(SECONDS * 500);
    const page = await context.newPage();
    page.on("console", (message) => told.push(message.text()));
    page.on("pageerror", (error) => told.push(String(error)));
    return page;
};

const late = async (signal) => {
    await setTimeout(SECONDS * 1000, null, { signal });
    throw new Error(`the script took more than ${SECONDS} s`);
};

const run = async ({ script, given }) => {
    const contexts = [], told = [], ended = new AbortController();
    try {
        const browse = (options) => open(contexts, told, options);
        const value = await Promise.race([new Script("load", "browse", "given", script)(load, browse, given), late(ended.signal)]);
        return { value: value ?? null };
    } catch (error) {
        return { error: String(error?.stack ?? error), told };
    } finally {
        ended.abort();
        await Promise.all(contexts.map((context) => context.close()));
    }
};

createInterface({ input: process.stdin })
    .on("line", async (line) => process.stdout.write(JSON.stringify(await run(JSON.parse(line))) + "\n"))
    .on("close", () => process.exit()); // with it goes Chromium
