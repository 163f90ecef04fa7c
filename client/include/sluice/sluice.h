/* The C interface of sluice, for C and for every language that calls C.
 *
 * Handles and plain types only, so that the interface stays binary-compatible. A call returns 0 or
 * more when it worked and a negative number when it did not: one of the SLUICE_ errors below. The
 * text of what went wrong belongs to the handle: sluice_broker_error() and its like. Handles are not
 * locked: use each from one thread at a time. Different handles may be used by different threads.
 *
 * Settings are text, one "name=value" a line, with the names of Kafka's clients; NULL for none.
 * Times are in milliseconds; a timeout of -1 is the client's own (request.timeout.ms).
 *
 *   sluice_broker *broker;
 *   if (sluice_connect("127.0.0.1:9092", NULL, &broker) < 0) puts(sluice_broker_error(broker));
 */
#ifndef SLUICE_SLUICE_H
#define SLUICE_SLUICE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SLUICE_API __attribute__((visibility("default")))
#else
#define SLUICE_API
#endif

typedef struct sluice_broker sluice_broker;     /* a cluster, or a broker in this process */
typedef struct sluice_producer sluice_producer; /* sends records */
typedef struct sluice_consumer sluice_consumer; /* reads records */

/* Errors. A broker's own error, Kafka's number N, is SLUICE_BROKER_ERROR - N; errno N of this
 * system is SLUICE_SYSTEM_ERROR - N. */
enum {
  SLUICE_TIMED_OUT = -1,          /* the time was over; what was asked may still happen */
  SLUICE_UNREACHABLE = -2,        /* no broker could be connected to */
  SLUICE_DISCONNECTED = -3,       /* the connection ended before the answer */
  SLUICE_UNSUPPORTED = -4,        /* the broker is too old for this */
  SLUICE_MALFORMED_RESPONSE = -5, /* the broker's answer could not be decoded */
  SLUICE_INVALID_ARGUMENT = -6,   /* the caller's mistake; the text says which */
  SLUICE_UNKNOWN_TOPIC = -7,      /* no such topic or partition */
  SLUICE_RECORD_TOO_LARGE = -8,   /* larger than a request or the buffer may be */
  SLUICE_BUFFER_FULL = -9,        /* the producer's buffer stayed full */
  SLUICE_CORRUPT_BATCH = -10,     /* fetched records fail their checksum */
  SLUICE_NO_OFFSET = -11,         /* nothing committed, and auto.offset.reset=none */
  SLUICE_CLOSED = -12,            /* the handle was not opened */
  SLUICE_CANCELLED = -13,         /* the call was given up */
  SLUICE_BROKER_ERROR = -1000,
  SLUICE_SYSTEM_ERROR = -100000
};

/* Version of the library, "0.1.0". */
SLUICE_API const char *sluice_version(void);
/* 1 when the same call may succeed later, 0 when it will not. */
SLUICE_API int sluice_retriable(int error);

/* A cluster: "HOST:PORT,HOST:PORT". Connects at first use. On failure *broker tells why, and must be
 * closed too; it is NULL only when there is no memory. */
SLUICE_API int sluice_connect(const char *brokers, const char *settings, sluice_broker **broker);
/* A broker in this process, with its data in `directory`; settings are those of sluiced. In
 * libsluice, not in libsluice_client. On failure as above. */
SLUICE_API int sluice_open(const char *directory, const char *settings, sluice_broker **broker);
/* Why the last call on this handle failed; "" when none did. Valid until the next call on it. */
SLUICE_API const char *sluice_broker_error(const sluice_broker *broker);
/* Close producers and consumers first. NULL is allowed. */
SLUICE_API void sluice_broker_close(sluice_broker *broker);

/* partitions -1: the broker's default. */
SLUICE_API int sluice_create_topic(sluice_broker *broker, const char *topic, int32_t partitions,
                                   int timeout_ms);

/* -- Producer: acks, linger.ms, batch.size, buffer.memory, compression.type, enable.idempotence,
 *    delivery.timeout.ms, max.in.flight.requests.per.connection, max.request.size. On failure
 *    *producer tells why, and must be closed. */
SLUICE_API int sluice_producer_open(sluice_broker *broker, const char *settings,
                                    sluice_producer **producer);
SLUICE_API const char *sluice_producer_error(const sluice_producer *producer);
/* Flushes, at most for the delivery timeout. NULL is allowed. */
SLUICE_API void sluice_producer_close(sluice_producer *producer);

/* These describe the next record, and only that: call them before sluice_produce(). */
SLUICE_API int sluice_set_partition(sluice_producer *producer, int32_t partition);
SLUICE_API int sluice_set_timestamp(sluice_producer *producer, int64_t milliseconds);
/* The bytes are copied. value NULL: a header whose value is null. A sluice heeds these, in decimal
 * digits: "sluice-deliver-at" (ms since the epoch) and "sluice-delay-ms", on topics with
 * sluice.schedule.enable; and "sluice-message-id", with sluice.dedup.window.ms. */
SLUICE_API int sluice_add_header(sluice_producer *producer, const char *name, const void *value,
                                 size_t size);
/* Puts a record into its batch; the bytes are copied. key or value NULL: null. Waits only while the
 * buffer is full or the topic is new. *ticket, unless ticket is NULL, is for sluice_wait(). */
SLUICE_API int sluice_produce(sluice_producer *producer, const char *topic, const void *key,
                              size_t key_size, const void *value, size_t value_size,
                              uint64_t *ticket);
/* Waits until this record is durable, once for each ticket. partition and offset may be NULL. */
SLUICE_API int sluice_wait(sluice_producer *producer, uint64_t ticket, int timeout_ms,
                           int32_t *partition, int64_t *offset);
/* Waits for all records sent so far. Error: that of the first record without a ticket that failed
 * since the last flush. */
SLUICE_API int sluice_flush(sluice_producer *producer, int timeout_ms);

/* -- Consumer: group.id, group.instance.id, auto.offset.reset (earliest, latest, none),
 *    enable.auto.commit, auto.commit.interval.ms, session.timeout.ms, heartbeat.interval.ms,
 *    isolation.level, fetch.min.bytes, fetch.max.wait.ms. On failure as above. */
SLUICE_API int sluice_consumer_open(sluice_broker *broker, const char *settings,
                                    sluice_consumer **consumer);
SLUICE_API const char *sluice_consumer_error(const sluice_consumer *consumer);
/* Commits what was polled when enable.auto.commit is set, and leaves the group. NULL is allowed. */
SLUICE_API void sluice_consumer_close(sluice_consumer *consumer);

/* Joins the group for these topics, separated by commas. */
SLUICE_API int sluice_subscribe(sluice_consumer *consumer, const char *topics);
/* Reads all partitions of these topics, separated by commas, without a group. */
SLUICE_API int sluice_assign(sluice_consumer *consumer, const char *topics, int timeout_ms);
/* Goes to the next record, without waiting. 1: there is one, and the calls below tell it; 0: not
 * now. */
SLUICE_API int sluice_poll(sluice_consumer *consumer);
/* A descriptor that is readable when sluice_poll() has something to give or to say; for poll(2),
 * epoll and their like. It belongs to the consumer; do not read or close it. */
SLUICE_API int sluice_descriptor(const sluice_consumer *consumer);
/* Commits the offsets behind all records polled so far. */
SLUICE_API int sluice_commit(sluice_consumer *consumer, int timeout_ms);

/* The record of the last sluice_poll() that returned 1; valid until the next. Keys and values have
 * a size and no terminating zero; NULL where they are null. */
SLUICE_API const char *sluice_record_topic(const sluice_consumer *consumer);
SLUICE_API int32_t sluice_record_partition(const sluice_consumer *consumer);
SLUICE_API int64_t sluice_record_offset(const sluice_consumer *consumer);
SLUICE_API int64_t sluice_record_timestamp(const sluice_consumer *consumer);
SLUICE_API const void *sluice_record_key(const sluice_consumer *consumer, size_t *size);
SLUICE_API const void *sluice_record_value(const sluice_consumer *consumer, size_t *size);
/* Value of the last header of that name; NULL when there is none, or its value is null. */
SLUICE_API const void *sluice_record_header(const sluice_consumer *consumer, const char *name,
                                            size_t *size);

#ifdef __cplusplus
}
#endif

#endif
