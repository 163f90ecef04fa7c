/* What the C project of the package test does: a record, with a header and a time, to a broker and
 * back as a group; in this process, or over the network.
 *   round_trip open DIRECTORY | connect HOST:PORT */
#include <poll.h>
#include <sluice/sluice.h>
#include <stdio.h>
#include <string.h>

static int failed(const char *text) {
  fprintf(stderr, "%s\n", text);
  return 1;
}

static int read_back(sluice_broker *broker) {
  sluice_consumer *consumer;
  if (sluice_consumer_open(broker,
                           "group.id=readers\nauto.offset.reset=earliest\nenable.auto.commit=false",
                           &consumer) < 0 ||
      sluice_subscribe(consumer, "greetings-in-c") < 0)
    return failed(sluice_consumer_error(consumer));
  for (;;) {
    int found = sluice_poll(consumer);
    if (found < 0) return failed(sluice_consumer_error(consumer));
    if (found == 1) break;
    struct pollfd wait = {sluice_descriptor(consumer), POLLIN, 0};
    if (poll(&wait, 1, 10000) == 0) return failed("nothing came");
  }
  size_t size, header_size;
  const char *value = sluice_record_value(consumer, &size);
  const char *header = sluice_record_header(consumer, "language", &header_size);
  printf("%.*s %.*s %lld\n", (int)size, value, (int)header_size, header,
         (long long)sluice_record_timestamp(consumer));
  if (sluice_commit(consumer, 5000) < 0) return failed(sluice_consumer_error(consumer));
  sluice_consumer_close(consumer);
  return 0;
}

int main(int count, char **words) {
  sluice_broker *broker;
  if (count != 3) return failed("usage: round_trip open DIRECTORY | connect HOST:PORT");
  int code = strcmp(words[1], "open") == 0 ? sluice_open(words[2], NULL, &broker)
                                           : sluice_connect(words[2], NULL, &broker);
  if (code < 0 || sluice_create_topic(broker, "greetings-in-c", 1, 5000) < 0)
    return failed(sluice_broker_error(broker));

  sluice_producer *producer;
  uint64_t ticket;
  int64_t offset = -1;
  if (sluice_producer_open(broker, NULL, &producer) < 0 ||
      sluice_add_header(producer, "language", "C", 1) < 0 ||
      sluice_set_timestamp(producer, 1234567890123) < 0 ||
      sluice_produce(producer, "greetings-in-c", NULL, 0, "hello", 5, &ticket) < 0 ||
      sluice_wait(producer, ticket, 5000, NULL, &offset) < 0)
    return failed(sluice_producer_error(producer));
  if (offset != 0) return failed("the first record has not offset 0");
  sluice_producer_close(producer);

  code = read_back(broker);
  sluice_broker_close(broker);
  return code;
}
