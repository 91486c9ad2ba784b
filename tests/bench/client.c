/*
 * A WebDAV client that is faster than any server it is pointed at: one request, one answer,
 * read into one buffer, counted, thrown away.
 *
 *   bench-client PORT METHOD PATH DEPTH [BODY]
 *
 * Prints one line of JSON: the status, the responses counted (a closing tag "response" in any
 * prefix), the bytes of the body, microseconds to the first byte of the body and to its end,
 * and the CPU time that the client itself took, so that one sees whether it stood in the way.
 * With BENCH_OUT=FILE in the environment, the body goes there too.
 *
 * The answer may be chunked, have a length, or end with the connection. Anything else that
 * is not as HTTP/1.1 says ends with a message and status 1.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CLOSING "response>"
#define CLOSING_LEN (sizeof(CLOSING) - 1)
/* "</", a prefix and its colon, before CLOSING: as much as one chunk may leave to the next. */
#define TAIL 64

typedef struct reader_t {
    int fd;
    size_t at, end; /* what is read and not yet taken */
    char data[512 * 1024];
} reader_t;

typedef struct counter_t {
    unsigned long responses, bytes;
    double first_us; /* when the first byte came */
    size_t tail_len; /* of the last bytes seen, which may begin a closing tag */
    char tail[TAIL];
    FILE *copy;
} counter_t;

static reader_t reader;
static counter_t counter;

static void die(const char *what)
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

static void count(const char *data, size_t len)
{
    if (counter.bytes == 0) {
        counter.first_us = now_us();
    }
    counter.bytes += len;
    counter.responses += count_across(data, len) + count_in(data, len);
    keep_tail(data, len);
    if (counter.copy && fwrite(data, 1, len, counter.copy) != len) {
        die("can't write the copy");
    }
}

/* Takes up to that many bytes of body; fewer only if the connection ended. */
static size_t read_body(size_t want)
{
    size_t left = want;

    while (left > 0) {
        size_t n;

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

/* Reads a whole answer and returns its status. */
static int read_answer(void)
{
    char line[16384];
    size_t length = (size_t)-1;
    int status, chunked = 0;

    read_line(line, sizeof(line));
    if (sscanf(line, "HTTP/1.%*d %d", &status) != 1) {
        die("not an HTTP answer");
    }
    for (read_line(line, sizeof(line)); *line; read_line(line, sizeof(line))) {
        if (!strncasecmp(line, "Transfer-Encoding:", 18)) {
            chunked = 1;
        }
        else if (!strncasecmp(line, "Content-Length:", 15)) {
            length = strtoul(line + 15, NULL, 10);
        }
    }
    if (chunked) {
        read_chunks();
    }
    else if (read_body(length) < length && length != (size_t)-1) {
        die("the connection ended in the body");
    }
    return status;
}

static void connect_to(const char *port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    struct timeval patience = {.tv_sec = 120};
    int on = 1;

    addr.sin_port = htons((unsigned short)atoi(port));
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    reader.fd = socket(AF_INET, SOCK_STREAM, 0);
    if (reader.fd < 0 || connect(reader.fd, (struct sockaddr *)&addr, sizeof(addr))) {
        die(strerror(errno));
    }
    setsockopt(reader.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(reader.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
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
    if (write(reader.fd, request, (size_t)len) != len) {
        die("can't send the request");
    }
}

int main(int argc, char **argv)
{
    const char *copy = getenv("BENCH_OUT");
    double start, end;
    int status;

    if (argc < 5) {
        fprintf(stderr, "usage: %s PORT METHOD PATH DEPTH [BODY]\n", argv[0]);
        return 2;
    }
    if (copy && !(counter.copy = fopen(copy, "wb"))) {
        die(strerror(errno));
    }
    connect_to(argv[1]);
    start = now_us();
    send_request(argv, argc > 5 ? argv[5] : "");
    status = read_answer();
    end = now_us();
    if (counter.copy && fclose(counter.copy)) {
        die("can't write the copy");
    }
    printf("{\"status\": %d, \"responses\": %lu, \"bytes\": %lu, \"first_us\": %.1f, "
           "\"total_us\": %.1f, \"cpu_us\": %.1f}\n",
           status, counter.responses, counter.bytes, counter.bytes ? counter.first_us - start : 0,
           end - start, cpu_us());
    return 0;
}
