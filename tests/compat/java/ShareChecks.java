import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.*;

/** Share groups (KIP-932) with Apache Kafka's own KafkaShareConsumer. */
final class ShareChecks {
  private final Compat compat;
  private final String address;

  ShareChecks(Compat compat, String address) {
    this.compat = compat;
    this.address = address;
  }

  private KafkaShareConsumer<byte[], byte[]> newConsumer(String group, String mode) {
    return new KafkaShareConsumer<>(Map.of("bootstrap.servers", address, "group.id", group,
        "share.acknowledgement.mode", mode), new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  private void configure(String group, String... settings) throws Exception {
    try (Admin admin = compat.newAdmin()) {
      List<AlterConfigOp> changes = new ArrayList<>();
      for (int i = 0; i < settings.length; i += 2)
        changes.add(new AlterConfigOp(new ConfigEntry(settings[i], settings[i + 1]), AlterConfigOp.OpType.SET));
      admin.incrementalAlterConfigs(Map.of(
          new ConfigResource(ConfigResource.Type.GROUP, group), changes)).all().get();
    }
  }

  private void produce(String topic, int from, int to) throws Exception {
    try (var producer = compat.newProducer()) {
      for (int i = from; i < to; ++i) producer.send(new ProducerRecord<>(topic, Compat.text("" + i)));
      producer.flush();
    }
  }

  private static List<ConsumerRecord<byte[], byte[]>> poll(KafkaShareConsumer<byte[], byte[]> consumer, int count) {
    List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
    long deadline = System.nanoTime() + 30_000_000_000L;
    while (records.size() < count && System.nanoTime() < deadline)
      consumer.poll(Duration.ofMillis(100)).forEach(records::add);
    Compat.expect(records.size() == count, records.size() + " records, not " + count);
    return records;
  }

  private static void commit(KafkaShareConsumer<byte[], byte[]> consumer) {
    for (var result : consumer.commitSync().entrySet())
      Compat.expect(result.getValue().isEmpty(), "commit: " + result);
  }

  /** Acknowledgements of every kind, and what the administrator sees. */
  void share() throws Exception {
    String topic = compat.newTopic(1), group = topic + "-group";
    configure(group, "share.auto.offset.reset", "earliest");
    produce(topic, 0, 100);
    try (Admin admin = compat.newAdmin()) {
      try (var consumer = newConsumer(group, "implicit")) {
        consumer.subscribe(List.of(topic));
        for (var record : poll(consumer, 100))
          Compat.expect(record.deliveryCount().get() == 1, "delivery count");
        commit(consumer);
        var described = admin.describeShareGroups(List.of(group)).all().get().get(group);
        Compat.expect(described.members().size() == 1, "members");
        Compat.expect(described.groupState().toString().equals("Stable"), "state " + described.groupState());
      }
      produce(topic, 100, 110);
      try (var consumer = newConsumer(group, "explicit")) {
        consumer.subscribe(List.of(topic));
        for (var record : poll(consumer, 10))
          consumer.acknowledge(record, record.offset() == 103 ? AcknowledgeType.RELEASE
              : record.offset() == 104 ? AcknowledgeType.REJECT : AcknowledgeType.ACCEPT);
        commit(consumer);
        var again = poll(consumer, 1).get(0);
        Compat.expect(again.offset() == 103 && again.deliveryCount().get() == 2, "released: " + again.offset());
        consumer.acknowledge(again, AcknowledgeType.RENEW);
        commit(consumer);
        again = poll(consumer, 1).get(0);
        Compat.expect(again.offset() == 103, "renewed: " + again.offset());
        consumer.acknowledge(again, AcknowledgeType.ACCEPT);
        commit(consumer);
      }
      Compat.expect(admin.listGroups().all().get().stream().anyMatch(found ->
          found.groupId().equals(group) && found.type().get().toString().equals("Share")), "not listed");
      var lag = admin.listShareGroupOffsets(Map.of(group, new ListShareGroupOffsetsSpec())).all().get();
      for (var info : lag.get(group).values()) Compat.expect(info.lag().get() == 0, "lag " + info);
      Compat.waitUntil("deleted", () -> {
        try {
          admin.deleteShareGroups(List.of(group)).all().get();
          return true;
        } catch (Exception notEmptyYet) {
          return false;
        }
      });
    }
  }

  /** Kills the broker while records are accepted: none that was confirmed comes again, none is lost. */
  void survive() throws Exception {
    String topic = compat.newTopic(1), group = topic + "-group";
    configure(group, "share.auto.offset.reset", "earliest");
    produce(topic, 0, 3000);
    Set<Long> confirmed = new HashSet<>();
    for (int round = 0; confirmed.size() < 3000; ++round) {
      try (var consumer = newConsumer(group, "explicit")) {
        consumer.subscribe(List.of(topic));
        long deadline = System.nanoTime() + 60_000_000_000L;
        boolean killed = false;
        while (confirmed.size() < 3000 && !killed) {
          Compat.expect(System.nanoTime() < deadline, confirmed.size() + " of 3000 accepted");
          List<Long> taken = new ArrayList<>();
          for (var record : consumer.poll(Duration.ofMillis(100))) {
            Compat.expect(!confirmed.contains(record.offset()), record.offset() + " came after it was confirmed");
            // Every third is left for a second delivery.
            boolean accepts = record.deliveryCount().get() > 1 || record.offset() % 3 != 0;
            consumer.acknowledge(record, accepts ? AcknowledgeType.ACCEPT : AcknowledgeType.RELEASE);
            if (accepts) taken.add(record.offset());
          }
          if (taken.isEmpty()) continue;
          if (consumer.commitSync().values().stream().allMatch(Optional::isEmpty)) confirmed.addAll(taken);
          if (round < 2 && confirmed.size() > 500 * (round + 1)) {
            compat.ask("kill");
            killed = true;
          }
        }
      }
    }
  }

  /**
   * Kills the broker while every fifth record is rejected: each has a whole copy in the dead-letter topic, no
   * other has one, and nothing that was confirmed comes again. Copies may be there twice, as their headers show.
   */
  void deadLetters() throws Exception {
    String topic = compat.newTopic(1), group = topic + "-group", dlq = "dlq." + topic;
    final int count = 2000;
    try (Admin admin = compat.newAdmin()) {
      var resource = new ConfigResource(ConfigResource.Type.GROUP, group);
      var known = admin.describeConfigs(List.of(resource)).all().get().get(resource);
      if (known.get("errors.deadletterqueue.topic.name") == null) return;  // Kafka 4.3 has no dead letters
      admin.createTopics(List.of(new NewTopic(dlq, 1, (short) 1).configs(
          Map.of("errors.deadletterqueue.group.enable", "true", "retention.ms", "-1")))).all().get();
      configure(group, "share.auto.offset.reset", "earliest", "errors.deadletterqueue.topic.name", dlq);
      try (var producer = compat.newProducer()) {
        for (int i = 0; i < count; ++i) {
          var record = new ProducerRecord<>(topic, Compat.text("key-" + i), Compat.text("value-" + i));
          record.headers().add("number", Compat.text("" + i));
          producer.send(record);
        }
        producer.flush();
      }
      endAll(topic, group, count);
      compat.ask("kill");
      Compat.waitUntil("every record finished", () -> {
        try {
          var lag = admin.listShareGroupOffsets(Map.of(group, new ListShareGroupOffsetsSpec())).all().get();
          return lag.get(group).values().stream().allMatch(info -> info.lag().orElse(1L) == 0);
        } catch (Exception notYet) {
          return false;
        }
      });
    }
    Set<Long> copied = new HashSet<>();
    try (var consumer = new KafkaConsumer<>(Map.<String, Object>of("bootstrap.servers", address),
        new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      var partition = new org.apache.kafka.common.TopicPartition(dlq, 0);
      consumer.assign(List.of(partition));
      consumer.seekToBeginning(List.of(partition));
      long end = consumer.endOffsets(List.of(partition)).get(partition);
      while (consumer.position(partition) < end)
        for (var copy : consumer.poll(Duration.ofMillis(100))) copied.add(checkCopy(copy, topic, group));
    }
    Compat.expect(copied.size() == count / 5, copied.size() + " records have a copy, not " + count / 5);
  }

  private static long checkCopy(ConsumerRecord<byte[], byte[]> copy, String topic, String group) {
    Map<String, String> headers = new HashMap<>();
    copy.headers().forEach(header -> headers.put(header.key(), new String(header.value())));
    String offset = headers.get("__dlq.errors.offset");
    Compat.expect(new String(copy.key()).equals("key-" + offset), "key of the copy of " + offset);
    Compat.expect(new String(copy.value()).equals("value-" + offset), "value of the copy of " + offset);
    Compat.expect(offset.equals(headers.get("number")), "own header of the copy of " + offset);
    Compat.expect(topic.equals(headers.get("__dlq.errors.topic")), "topic of the copy of " + offset);
    Compat.expect(group.equals(headers.get("__dlq.errors.group")), "group of the copy of " + offset);
    Compat.expect("rejected".equals(headers.get("__dlq.errors.reason")), "reason of the copy of " + offset);
    Compat.expect(Long.parseLong(offset) % 5 == 0, offset + " was accepted and has a copy");
    return Long.parseLong(offset);
  }

  /** Accepts or, every fifth, rejects until all are confirmed, and kills the broker three times meanwhile. */
  private void endAll(String topic, String group, int count) throws Exception {
    Set<Long> confirmed = new HashSet<>();
    for (int round = 0; confirmed.size() < count; ++round) {
      try (var consumer = newConsumer(group, "explicit")) {
        consumer.subscribe(List.of(topic));
        long deadline = System.nanoTime() + 60_000_000_000L;
        boolean killed = false;
        while (confirmed.size() < count && !killed) {
          Compat.expect(System.nanoTime() < deadline, confirmed.size() + " of " + count + " confirmed");
          List<Long> taken = new ArrayList<>();
          for (var record : consumer.poll(Duration.ofMillis(100))) {
            Compat.expect(!confirmed.contains(record.offset()), record.offset() + " came after it was confirmed");
            consumer.acknowledge(record,
                record.offset() % 5 == 0 ? AcknowledgeType.REJECT : AcknowledgeType.ACCEPT);
            taken.add(record.offset());
          }
          if (taken.isEmpty()) continue;
          if (consumer.commitSync().values().stream().allMatch(Optional::isEmpty)) confirmed.addAll(taken);
          if (round < 3 && confirmed.size() > 300 * (round + 1)) {
            compat.ask("kill");
            killed = true;
          }
        }
      }
    }
  }
}
