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
}
