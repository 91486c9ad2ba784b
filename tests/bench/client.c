/*
 * A WebDAV client that is faster than any server it is pointed at: an answer is read into one
 * buffer, counted, thrown away. Each way to call it prints one line of JSON.
 *
 *   bench-client [-1] [-o FILE] PORT METHOD PATH DEPTH [BODY]
 *
 * One request. Tells the status, the responses counted (a closing tag "response" in any
 * prefix), the bytes of the body, microseconds to the first byte of the body and to its end,
 * and the CPU time that the client itself took, so that one sees whether it stood in the way.
 * With -o the body goes to that file too. With -1 the client leaves after the first byte of it,
 * by a reset, as one does that has crashed.
 *
 *   bench-client play PORT CONNECTIONS < SCRIPT
 *
 * Many requests, each connection's in its own thread, one after the other, kept alive as long
 * as the server likes. Tells how many answers were not as expected (and the first of them on
 * stderr), the microseconds to the first byte of a body where that took longest, and how often a
 * connection had to be made anew. The script is a row of
 *
 *   CONNECTION REPEAT STATUS RESPONSES FILL LENGTH
 *
 * in decimal, a line end, and LENGTH bytes, which are sent as they are, REPEAT times; but
 * @TOKEN@ in them stands for the last Lock-Token that this connection was given. FILL bytes
 * follow them, each an 'x'. RESPONSES is -1 where it doesn't matter: the body is then not even
 * looked at, only its length. The clock runs from the first request to the last answer; each
 * connection's first handshake is before that.
 *
 *   bench-client run COMMAND [ARGUMENT...]
 *
 * How long that program takes, from its start to its end.
 *
 * The answer may be chunked, have a length, or end with the connection. Anything else that
 * is not as HTTP/1.1 says ends with a message and status 1.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CLOSING "response>"
#define CLOSING_LEN (sizeof(CLOSING) - 1)
/* "</", a prefix and its colon, before CLOSING: as much as one chunk may leave to the next. */
#define TAIL 64

#define TOKEN "@TOKEN@"
#define TOKEN_LEN (sizeof(TOKEN) - 1)

typedef struct reader_t {
    int fd;
    int closing;     /* the server has said that this answer is the connection's last */
    char token[256]; /* the last Lock-Token */
    size_t at, end;  /* what is read and not yet taken */
    char data[512 * 1024];
} reader_t;

typedef struct counter_t {
    unsigned long responses, bytes;
    int blind;       /* only the bytes are counted */
    double first_us; /* when the first byte came */
    size_t tail_len; /* of the last bytes seen, which may begin a closing tag */
    char tail[TAIL];
    FILE *copy;
} counter_t;

/* One request of a script, as often as it is to be sent. */
typedef struct step_t {
    int connection;
    long repeat;
    int status;
    long responses;
    size_t fill;
    size_t len;
    const char *request;
} step_t;

/* What one connection plays, and what came of it. */
typedef struct player_t {
    pthread_t thread;
    int connection;
    unsigned long requests, wrong, bytes, reconnects;
    double first_us; /* the longest wait for the first byte of a body */
    double end_us;
} player_t;

/* Each thread has a connection of its own. */
static __thread reader_t reader;
static __thread counter_t counter;

static const char *port;
static step_t *steps;
static size_t steps_len;
static char filling[256 * 1024];
static int leave_at_first_byte;
static pthread_barrier_t everyone_connected;

extern char **environ;

static __attribute__((noreturn)) void die(const char *what)
{
    fprintf(stderr, "bench-client: %s\n", what);
    exit(1);
}

static double now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static double cpu_us(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6
           + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* Reads more; 0 at the end of the connection. */
static int fill(void)
{
    ssize_t n = read(reader.fd, reader.data, sizeof(reader.data));

    if (n < 0) {
        die(strerror(errno));
    }
    reader.at = 0;
    reader.end = (size_t)n;
    return n > 0;
}

/* One line without its CRLF. */
static void read_line(char *line, size_t size)
{
    size_t len = 0;

    for (;;) {
        if (reader.at == reader.end && !fill()) {
            die("the connection ended in a header or chunk line");
        }
        if (reader.data[reader.at] == '\n') {
            reader.at++;
            break;
        }
        if (len + 1 >= size) {
            die("a line is too long");
        }
        line[len++] = reader.data[reader.at++];
    }
    if (len > 0 && line[len - 1] == '\r') {
        len--;
    }
    line[len] = '\0';
}

/* Is the CLOSING at this place that of a closing tag: "</response>", "</x:response>"? */
static int is_closing_tag(const char *start, const char *at)
{
    if (at > start && at[-1] == ':') {
        for (at--; at > start && at[-1] != '/' && at[-1] != '<' && at[-1] != '>'; at--) {
        }
    }
    return at - start >= 2 && at[-1] == '/' && at[-2] == '<';
}

static unsigned long count_in(const char *data, size_t len)
{
    const char *at = data, *end = data + len;
    unsigned long n = 0;

    while ((at = memmem(at, (size_t)(end - at), CLOSING, CLOSING_LEN))) {
        n += (unsigned long)is_closing_tag(data, at);
        at += CLOSING_LEN;
    }
    return n;
}

/* Counts the tags that lie across the end of what came before and the start of this piece. */
static unsigned long count_across(const char *data, size_t len)
{
    char joint[2 * TAIL];
    size_t head = len < TAIL ? len : TAIL;

    memcpy(joint, counter.tail, counter.tail_len);
    memcpy(joint + counter.tail_len, data, head);
    return count_in(joint, counter.tail_len + head) - count_in(counter.tail, counter.tail_len)
           - count_in(data, head);
}

static void keep_tail(const char *data, size_t len)
{
    size_t old = len < TAIL ? TAIL - len : 0;

    if (old > counter.tail_len) {
        old = counter.tail_len;
    }
    memmove(counter.tail, counter.tail + counter.tail_len - old, old);
    if (len > TAIL) {
        data += len - TAIL;
        len = TAIL;
    }
    memcpy(counter.tail + old, data, len);
    counter.tail_len = old + len;
}

/* So many bytes of a body have come; the first of them now, if there were none before. */
static void came(size_t len)
{
    if (counter.bytes == 0) {
        counter.first_us = now_us();
    }
    counter.bytes += len;
}

static void count(const char *data, size_t len)
{
    came(len);
    if (counter.blind) {
        return;
    }
    counter.responses += count_across(data, len) + count_in(data, len);
    keep_tail(data, len);
    if (counter.copy && fwrite(data, 1, len, counter.copy) != len) {
        die("can't write the copy");
    }
}

/* Lets the kernel throw away up to that many bytes of body; 0 at the end of the connection. */
static size_t drop(size_t want)
{
    /* With MSG_TRUNC, TCP writes nowhere. */
    /* cppcheck-suppress nullPointer */
    ssize_t n = recv(reader.fd, NULL, want < (1 << 30) ? want : 1 << 30, MSG_TRUNC);

    if (n < 0) {
        die(strerror(errno));
    }
    came((size_t)n);
    return (size_t)n;
}

/* Takes up to that many bytes of body; fewer only if the connection ended. */
static size_t read_body(size_t want)
{
    size_t left = want;

    while (left > 0) {
        size_t n;

        if (counter.blind && reader.at == reader.end && left > sizeof(reader.data)) {
            n = drop(left);
            if (n == 0) {
                break;
            }
            left -= n;
            continue;
        }
        if (reader.at == reader.end && !fill()) {
            break;
        }
        n = reader.end - reader.at < left ? reader.end - reader.at : left;
        count(reader.data + reader.at, n);
        reader.at += n;
        left -= n;
    }
    return want - left;
}

static void read_chunks(void)
{
    char line[1024];
    size_t size;

    do {
        read_line(line, sizeof(line));
        size = strtoul(line, NULL, 16);
        if (read_body(size) < size) {
            die("the connection ended in a chunk");
        }
        read_line(line, sizeof(line)); /* the end of the chunk's data */
    } while (size > 0);
}

/* A header's value, if the line is of that header ("Name:"). */
static const char *value_of(const char *line, const char *name)
{
    size_t len = strlen(name);

    return strncasecmp(line, name, len) ? NULL : line + len + strspn(line + len, " \t");
}

/* Reads a whole answer, to a HEAD or to another method, and returns its status. */
static int read_answer(int to_head)
{
    char line[16384];
    const char *value;
    size_t length = (size_t)-1;
    int status, chunked = 0;

    read_line(line, sizeof(line));
    if (sscanf(line, "HTTP/1.%*d %d", &status) != 1) {
        die("not an HTTP answer");
    }
    for (read_line(line, sizeof(line)); *line; read_line(line, sizeof(line))) {
        if (value_of(line, "Transfer-Encoding:")) {
            chunked = 1;
        }
        else if ((value = value_of(line, "Content-Length:"))) {
            length = strtoul(value, NULL, 10);
        }
        else if ((value = value_of(line, "Connection:"))) {
            reader.closing = !strcasecmp(value, "close");
        }
        else if ((value = value_of(line, "Lock-Token:"))) {
            snprintf(reader.token, sizeof(reader.token), "%s", value);
        }
    }
    if (to_head || status == 204 || status == 304) {
        return status;
    }
    if (leave_at_first_byte) {
        read_body(1);
    }
    else if (chunked) {
        read_chunks();
    }
    else if (read_body(length) < length && length != (size_t)-1) {
        die("the connection ended in the body");
    }
    return status;
}

static void connect_to_server(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    struct timeval patience = {.tv_sec = 600};
    int on = 1;

    addr.sin_port = htons((unsigned short)atoi(port));
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    reader.fd = socket(AF_INET, SOCK_STREAM, 0);
    if (reader.fd < 0 || connect(reader.fd, (struct sockaddr *)&addr, sizeof(addr))) {
        die(strerror(errno));
    }
    setsockopt(reader.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(reader.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    reader.closing = 0;
    reader.at = reader.end = 0;
}

/* 0 where the server has closed the connection. */
static int send_bytes(const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(reader.fd, data, len, MSG_NOSIGNAL);

        if (n <= 0) {
            return 0;
        }
        data += n;
        len -= (size_t)n;
    }
    return 1;
}

/* Waits for the first byte of an answer; 0 where the server has closed the connection. */
static int answer_begins(void)
{
    char byte;

    return reader.at < reader.end || recv(reader.fd, &byte, 1, MSG_PEEK) == 1;
}

static void send_request(char **argv, const char *body)
{
    char request[16384];
    int len = snprintf(request, sizeof(request),
                       "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nDepth: %s\r\n"
                       "Connection: close\r\nContent-Type: application/xml\r\n"
                       "Content-Length: %zu\r\n\r\n%s",
                       argv[2], argv[3], argv[4], strlen(body), body);

    if (len < 0 || (size_t)len >= sizeof(request)) {
        die("the request is too long");
    }
    if (!send_bytes(request, (size_t)len)) {
        die("can't send the request");
    }
}

/* --- play --- */

static char *read_script(size_t *len)
{
    size_t size = 1 << 20;
    char *script = malloc(size);

    *len = 0;
    while (script) {
        size_t n = fread(script + *len, 1, size - *len - 1, stdin);

        if (n == 0) {
            script[*len] = '\0';
            return script;
        }
        *len += n;
        if (size - *len < 2) {
            char *larger = realloc(script, size *= 2);

            if (!larger) {
                break;
            }
            script = larger;
        }
    }
    die("the script is too large");
    return NULL;
}

static void parse_script(char *script, size_t len)
{
    const char *end = script + len;
    size_t room = 0;

    for (char *at = script; at < end;) {
        step_t step = {.connection = (int)strtol(at, &at, 10)};

        step.repeat = strtol(at, &at, 10);
        step.status = (int)strtol(at, &at, 10);
        step.responses = strtol(at, &at, 10);
        step.fill = strtoul(at, &at, 10);
        step.len = strtoul(at, &at, 10);
        if (*at != '\n' || step.len == 0 || step.len > (size_t)(end - at - 1)) {
            die("the script is not as it should be");
        }
        step.request = at + 1;
        at += 1 + step.len;
        if (steps_len == room) {
            room = room ? 2 * room : 1024;
            steps = realloc(steps, room * sizeof(*steps));
            if (!steps) {
                die("the script is too large");
            }
        }
        steps[steps_len++] = step;
    }
}

static int send_filling(size_t len)
{
    for (size_t n; len > 0; len -= n) {
        n = len < sizeof(filling) ? len : sizeof(filling);
        if (!send_bytes(filling, n)) {
            return 0;
        }
    }
    return 1;
}

static int send_step(const step_t *step)
{
    const char *at = memmem(step->request, step->len, TOKEN, TOKEN_LEN);
    char request[4096];
    size_t head, token_len, rest;

    if (!at) {
        return send_bytes(step->request, step->len) && send_filling(step->fill);
    }
    head = (size_t)(at - step->request);
    token_len = strlen(reader.token);
    rest = step->len - head - TOKEN_LEN;
    if (head + token_len + rest > sizeof(request)) {
        die("a request with a token is too long");
    }
    memcpy(request, step->request, head);
    memcpy(request + head, reader.token, token_len);
    memcpy(request + head + token_len, at + TOKEN_LEN, rest);
    return send_bytes(request, head + token_len + rest);
}

static void reconnect(player_t *player)
{
    close(reader.fd);
    connect_to_server();
    player->reconnects++;
}

/* A server may close a connection between two requests whenever it likes, and httpd does so when
 * all its threads are busy: then the request was not looked at, and is sent once more. */
static void send_until_answered(player_t *player, const step_t *step)
{
    for (int tries = 0; !send_step(step) || !answer_begins(); tries++) {
        if (tries == 3) {
            die("the server closes the connection instead of answering");
        }
        reconnect(player);
    }
}

static void play_step(player_t *player, const step_t *step)
{
    double start = now_us();
    int status;

    if (reader.closing) {
        reconnect(player);
    }
    memset(&counter, 0, sizeof(counter));
    counter.blind = step->responses < 0;
    send_until_answered(player, step);
    status = read_answer(!strncmp(step->request, "HEAD ", 5));
    player->requests++;
    player->bytes += counter.bytes;
    if (counter.bytes > 0 && counter.first_us - start > player->first_us) {
        player->first_us = counter.first_us - start;
    }
    if (status == step->status
        && (step->responses < 0 || (long)counter.responses == step->responses)) {
        return;
    }
    if (player->wrong++ == 0) {
        fprintf(stderr, "bench-client: %.*s: %d with %lu responses, not %d with %ld\n",
                (int)strcspn(step->request, "\r\n"), step->request, status, counter.responses,
                step->status, step->responses);
    }
}

static void *play(void *baton)
{
    player_t *player = baton;

    connect_to_server();
    pthread_barrier_wait(&everyone_connected);
    for (const step_t *step = steps; step < steps + steps_len; step++) {
        for (long n = 0; step->connection == player->connection && n < step->repeat; n++) {
            play_step(player, step);
        }
    }
    player->end_us = now_us();
    close(reader.fd);
    return NULL;
}

static int play_all(int connections)
{
    player_t *players = calloc((size_t)connections, sizeof(*players));
    unsigned long requests = 0, wrong = 0, bytes = 0, reconnects = 0;
    double start, cpu, end = 0, first = 0;
    size_t len;
    char *script = read_script(&len);

    memset(filling, 'x', sizeof(filling));
    parse_script(script, len);
    if (!players || pthread_barrier_init(&everyone_connected, NULL, (unsigned)connections + 1)) {
        die("too many connections");
    }
    for (int i = 0; i < connections; i++) {
        players[i].connection = i;
        if (pthread_create(&players[i].thread, NULL, play, &players[i])) {
            die("can't start a thread");
        }
    }
    pthread_barrier_wait(&everyone_connected);
    start = now_us();
    cpu = cpu_us();
    for (int i = 0; i < connections; i++) {
        pthread_join(players[i].thread, NULL);
        requests += players[i].requests;
        wrong += players[i].wrong;
        bytes += players[i].bytes;
        reconnects += players[i].reconnects;
        end = players[i].end_us > end ? players[i].end_us : end;
        first = players[i].first_us > first ? players[i].first_us : first;
    }
    printf("{\"requests\": %lu, \"wrong\": %lu, \"bytes\": %lu, \"reconnects\": %lu, "
           "\"first_us\": %.1f, \"total_us\": %.1f, \"cpu_us\": %.1f}\n",
           requests, wrong, bytes, reconnects, first, end - start, cpu_us() - cpu);
    free(players);
    free(steps);
    free(script);
    return 0;
}

/* --- run --- */

static int run(char **command)
{
    double start = now_us();
    pid_t pid;
    int status;

    if (posix_spawnp(&pid, *command, NULL, NULL, command, environ)
        || waitpid(pid, &status, 0) != pid) {
        die("can't start the command");
    }
    printf("{\"status\": %d, \"total_us\": %.1f}\n", status, now_us() - start);
    return 0;
}

/* --- one request --- */

static void leave(void)
{
    struct linger reset = {.l_onoff = 1};

    setsockopt(reader.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(reader.fd);
}

static int ask(const char *copy, int argc, char **argv)
{
    double start, end;
    int status;

    port = argv[1];
    if (copy && !(counter.copy = fopen(copy, "wb"))) {
        die(strerror(errno));
    }
    connect_to_server();
    start = now_us();
    send_request(argv, argc > 5 ? argv[5] : "");
    status = read_answer(!strcmp(argv[2], "HEAD"));
    end = now_us();
    if (leave_at_first_byte) {
        leave();
    }
    if (counter.copy && fclose(counter.copy)) {
        die("can't write the copy");
    }
    printf("{\"status\": %d, \"responses\": %lu, \"bytes\": %lu, \"first_us\": %.1f, "
           "\"total_us\": %.1f, \"cpu_us\": %.1f}\n",
           status, counter.responses, counter.bytes, counter.bytes ? counter.first_us - start : 0,
           end - start, cpu_us());
    return 0;
}

static int usage(const char *name)
{
    fprintf(stderr,
            "usage: %s [-1] [-o FILE] PORT METHOD PATH DEPTH [BODY]\n"
            "       %s play PORT CONNECTIONS < SCRIPT\n"
            "       %s run COMMAND [ARGUMENT...]\n",
            name, name, name);
    return 2;
}

int main(int argc, char **argv)
{
    const char *name = argv[0], *copy = NULL;

    if (argc == 4 && !strcmp(argv[1], "play") && atoi(argv[3]) > 0) {
        port = argv[2];
        return play_all(atoi(argv[3]));
    }
    if (argc > 2 && !strcmp(argv[1], "run")) {
        return run(argv + 2);
    }
    for (int option; (option = getopt(argc, argv, "+1o:")) != -1;) {
        if (option == '?') {
            return usage(name);
        }
        copy = option == 'o' ? optarg : copy;
        leave_at_first_byte |= option == '1';
    }
    argc -= optind - 1;
    argv += optind - 1;
    return argc < 5 ? usage(name) : ask(copy, argc, argv);
}
