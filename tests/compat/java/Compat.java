import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.*;

/** The checks of the suite with Apache Kafka's own Java client; see ../README.md for the protocol. */
public final class Compat {
  interface Action { void run() throws Exception; }

  private final String address;
  private final String prefix;
  private final BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
  private int names;

  private Compat(String address, String prefix) {
    this.address = address;
    this.prefix = prefix;
  }

  public static void main(String[] args) throws Exception {
    Compat compat = new Compat(args[0], args[1]);
    Map<String, Action> checks = new LinkedHashMap<>();
    checks.put("topics", compat::topics);
    checks.put("codecs", compat::codecs);
    checks.put("records", compat::records);
    checks.put("order", compat::order);
    checks.put("bulk", compat::bulk);
    checks.put("group", compat::group);
    checks.put("commit", compat::commit);
    checks.put("restart", () -> compat.survive("restart"));
    checks.put("kill", () -> compat.survive("kill"));
    checks.put("errors", compat::errors);
    checks.put("admin", compat::admin);
    ShareChecks shares = new ShareChecks(compat, args[0]);
    checks.put("share", shares::share);
    checks.put("sharekill", shares::survive);
    checks.put("deadletters", shares::deadLetters);
    Set<String> only = new HashSet<>(Arrays.asList(args).subList(2, args.length));
    for (var check : checks.entrySet()) {
      if (!only.isEmpty() && !only.contains(check.getKey())) continue;
      try {
        check.getValue().run();
        System.out.println("ok " + check.getKey());
      } catch (Throwable problem) {
        System.out.println("fail " + check.getKey() + " " + problem.toString().replace('\n', ' '));
        problem.printStackTrace();
      }
    }
    System.exit(0);
  }

  // What the checks are made of.

  static void expect(boolean truth, String what) {
    if (!truth) throw new AssertionError(what);
  }

  static void waitUntil(String what, BooleanSupplier condition) throws InterruptedException {
    long deadline = System.nanoTime() + 60_000_000_000L;
    while (!condition.getAsBoolean()) {
      expect(System.nanoTime() < deadline, "not within 60 s: " + what);
      Thread.sleep(20);
    }
  }

  static byte[] value(int number) {
    byte[] head = (number + ":").getBytes(StandardCharsets.UTF_8);
    byte[] bytes = Arrays.copyOf(head, head.length + number % 200);
    for (int i = head.length; i < bytes.length; ++i) bytes[i] = (byte) (number + i);
    return bytes;
  }

  static byte[] text(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  Admin newAdmin() {
    return Admin.create(Map.of("bootstrap.servers", address));
  }

  String newTopic(int partitions) throws Exception {
    String name = prefix + "-" + ++names;
    try (Admin admin = newAdmin()) {
      admin.createTopics(List.of(new NewTopic(name, partitions, (short) 1))).all().get();
      // Kafka's partitions answer a moment after the topic is there; the administrator waits.
      Map<TopicPartition, OffsetSpec> all = new HashMap<>();
      for (int i = 0; i < partitions; ++i) all.put(new TopicPartition(name, i), OffsetSpec.latest());
      admin.listOffsets(all).all().get();
    }
    return name;
  }

  KafkaProducer<byte[], byte[]> newProducer(Object... settings) {
    Map<String, Object> config = new HashMap<>(Map.of("bootstrap.servers", address, "linger.ms", 5));
    for (int i = 0; i < settings.length; i += 2) config.put((String) settings[i], settings[i + 1]);
    return new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer());
  }

  KafkaConsumer<byte[], byte[]> newConsumer(String group, Object... settings) {
    Map<String, Object> config = new HashMap<>(Map.of(
        "bootstrap.servers", address, "group.id", group, "auto.offset.reset", "earliest",
        "enable.auto.commit", false, "session.timeout.ms", 10_000, "heartbeat.interval.ms", 500));
    for (int i = 0; i < settings.length; i += 2) config.put((String) settings[i], settings[i + 1]);
    return new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  /** Reads `count` records of all partitions, and makes sure that there are no more. */
  List<ConsumerRecord<byte[], byte[]>> readAll(String topic, int count) {
    List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
    try (var consumer = newConsumer(prefix + "-reader")) {
      List<TopicPartition> partitions = consumer.partitionsFor(topic).stream()
          .map(info -> new TopicPartition(topic, info.partition())).toList();
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      long deadline = System.nanoTime() + 60_000_000_000L;
      while (records.size() < count) {
        expect(System.nanoTime() < deadline, records.size() + " of " + count + " records in 60 s");
        consumer.poll(Duration.ofMillis(100)).forEach(records::add);
      }
      consumer.poll(Duration.ofMillis(300)).forEach(records::add);
    }
    expect(records.size() == count, records.size() + " records, not " + count);
    return records;
  }

  static void wantError(Class<? extends Throwable> kind, Future<?> future) throws Exception {
    try {
      future.get(30, TimeUnit.SECONDS);
    } catch (ExecutionException failed) {
      expect(kind.isInstance(failed.getCause()), "answered " + failed.getCause());
      return;
    }
    throw new AssertionError("no " + kind.getSimpleName());
  }

  // The checks.

  void topics() throws Exception {
    try (Admin admin = newAdmin()) {
      String topic = newTopic(3);
      var description = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic);
      expect(description.partitions().size() == 3, "partitions " + description);
      expect(description.partitions().get(0).leader() != null, "no leader");
      expect(!description.topicId().toString().isEmpty(), "no id");
      expect(admin.listTopics().names().get().contains(topic), "not listed");
      admin.deleteTopics(List.of(topic)).all().get();
      waitUntil("deleted", () -> {
        try {
          return !admin.listTopics().names().get().contains(topic);
        } catch (Exception failed) {
          return false;
        }
      });
    }
  }

  void codecs() throws Exception {
    for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
      String topic = newTopic(1);
      try (var producer = newProducer("compression.type", codec, "linger.ms", 50)) {
        for (int i = 0; i < 1000; ++i) producer.send(new ProducerRecord<>(topic, value(i)));
      }
      var records = readAll(topic, 1000);
      for (int i = 0; i < 1000; ++i) {
        expect(Arrays.equals(records.get(i).value(), value(i)), codec + ": record " + i);
      }
    }
  }

  void records() throws Exception {
    String topic = newTopic(1);
    List<Header> headers = List.of(new RecordHeader("type", text("a")),
        new RecordHeader("type", text("b")), new RecordHeader("null", (byte[]) null),
        new RecordHeader("empty", new byte[0]));
    try (var producer = newProducer()) {
      producer.send(new ProducerRecord<>(topic, 0, 123456789L, text("k"), text("v"), headers)).get();
      producer.send(new ProducerRecord<>(topic, 0, null, text("v"))).get();
      producer.send(new ProducerRecord<>(topic, 0, text("k"), null)).get();
      producer.send(new ProducerRecord<>(topic, 0, new byte[0], new byte[0])).get();
    }
    var records = readAll(topic, 4);
    expect(List.of(records.get(0).headers().toArray()).equals(headers), "headers");
    expect(records.get(0).timestamp() == 123456789L, "timestamp");
    expect(records.get(1).key() == null && records.get(1).value().length == 1, "null key");
    expect(records.get(2).key().length == 1 && records.get(2).value() == null, "null value");
    expect(records.get(3).key().length == 0 && records.get(3).value().length == 0, "empty");
  }

  void order() throws Exception {
    String topic = newTopic(4);
    try (var producer = newProducer()) {
      for (int i = 0; i < 10_000; ++i) {
        producer.send(new ProducerRecord<>(topic, text("key" + i % 23), text("" + i)));
      }
    }
    Map<String, Integer> last = new HashMap<>();
    Map<String, Integer> home = new HashMap<>();
    for (var record : readAll(topic, 10_000)) {
      String key = new String(record.key());
      int number = Integer.parseInt(new String(record.value()));
      expect(last.getOrDefault(key, -1) < number, key + ": out of order");
      expect(home.getOrDefault(key, record.partition()) == record.partition(), key + ": two homes");
      last.put(key, number);
      home.put(key, record.partition());
    }
    expect(new HashSet<>(home.values()).size() > 1, "one partition only");
  }

  void bulk() throws Exception {
    String topic = newTopic(1);
    try (var producer = newProducer("compression.type", "lz4")) {
      for (int i = 0; i < 100_000; ++i) producer.send(new ProducerRecord<>(topic, value(i)));
    }
    var records = readAll(topic, 100_000);
    for (int i = 0; i < 100_000; ++i) {
      expect(records.get(i).offset() == i, "offset " + records.get(i).offset() + " at " + i);
      expect(Arrays.equals(records.get(i).value(), value(i)), "record " + i);
    }
  }

  /** A consumer that polls in a thread of its own. */
  final class Member implements AutoCloseable {
    final KafkaConsumer<byte[], byte[]> consumer;
    final List<Integer> values = new CopyOnWriteArrayList<>();
    volatile int held;
    private volatile boolean ending;
    private final Thread thread;

    Member(String group, String topic, Object... settings) {
      consumer = newConsumer(group, settings);
      consumer.subscribe(List.of(topic));
      thread = new Thread(() -> {
        while (!ending) {
          for (var record : consumer.poll(Duration.ofMillis(50))) {
            values.add(Integer.parseInt(new String(record.value())));
          }
          held = consumer.assignment().size();
        }
        consumer.close();
      });
      thread.start();
    }

    @Override public void close() throws InterruptedException {
      ending = true;
      thread.join();
    }
  }

  void group() throws Exception {
    for (String assignor : List.of("RangeAssignor", "CooperativeStickyAssignor")) {
      String topic = newTopic(4);
      String group = prefix + "-group-" + assignor;
      Object[] settings = {"partition.assignment.strategy",
          "org.apache.kafka.clients.consumer." + assignor, "auto.offset.reset", "latest"};
      try (Member first = new Member(group, topic, settings)) {
        waitUntil("first holds 4", () -> first.held == 4);
        Set<Integer> seen = new TreeSet<>();
        try (Member second = new Member(group, topic, settings)) {
          waitUntil("2 and 2", () -> first.held == 2 && second.held == 2);
          Thread.sleep(1000);  // positions of the new assignment are known to the members
          send(topic, 0, 400);
          waitUntil("all 400", () -> first.values.size() + second.values.size() >= 400);
          expect(!second.values.isEmpty(), "the second member got nothing");
          seen.addAll(first.values);
          seen.addAll(second.values);
          expect(seen.size() == 400, seen.size() + " different records");
        }
        waitUntil("first holds 4 again", () -> first.held == 4);
      }
    }
  }

  void send(String topic, int from, int to) throws Exception {
    try (var producer = newProducer()) {
      for (int i = from; i < to; ++i) producer.send(new ProducerRecord<>(topic, i % 4, null, text("" + i)));
    }
  }

  void commit() throws Exception {
    String topic = newTopic(1);
    String group = prefix + "-commit";
    TopicPartition partition = new TopicPartition(topic, 0);
    try (var producer = newProducer()) {
      for (int i = 0; i < 100; ++i) producer.send(new ProducerRecord<>(topic, text("" + i)));
    }
    try (var consumer = newConsumer(group)) {
      consumer.subscribe(List.of(topic));
      int count = 0;
      while (count == 0) count += consumer.poll(Duration.ofMillis(100)).count();
      consumer.commitSync(Map.of(partition, new OffsetAndMetadata(40, "forty")));
      expect(consumer.committed(Set.of(partition)).get(partition).equals(
          new OffsetAndMetadata(40, "forty")), "committed");
    }
    try (var consumer = newConsumer(group)) {
      consumer.subscribe(List.of(topic));
      ConsumerRecords<byte[], byte[]> records = ConsumerRecords.empty();
      while (records.isEmpty()) records = consumer.poll(Duration.ofMillis(100));
      expect(records.iterator().next().offset() == 40, "resumed elsewhere");
    }
  }

  /** Asks the driver to restart or kill the broker, and waits until it is up again. */
  void ask(String what) throws Exception {
    System.out.println(what);
    expect("up".equals(input.readLine()), "the broker did not come back");
  }

  void survive(String how) throws Exception {
    String topic = newTopic(2);
    String group = prefix + "-" + how;
    List<Integer> seen = new ArrayList<>();
    try (var producer = newProducer("enable.idempotence", true); var consumer = newConsumer(group)) {
      consumer.subscribe(List.of(topic));
      List<Future<RecordMetadata>> sent = new ArrayList<>();
      for (int i = 0; i < 10_000; ++i) {
        sent.add(producer.send(new ProducerRecord<>(topic, i % 2, null, text("" + i))));
        if (i == 3000) {
          while (seen.size() < 100) collect(consumer, seen);
          consumer.commitSync();
        }
        if (i == 5000) ask(how);
      }
      for (Future<RecordMetadata> one : sent) one.get(60, TimeUnit.SECONDS);
      long deadline = System.nanoTime() + 60_000_000_000L;
      while (seen.size() < 10_000) {
        expect(System.nanoTime() < deadline, seen.size() + " of 10000 consumed");
        collect(consumer, seen);
      }
      expect(new HashSet<>(seen).size() == 10_000 && seen.size() == 10_000, "lost or twice");
    }
    int[] next = {0, 1};
    for (var record : readAll(topic, 10_000)) {
      int number = Integer.parseInt(new String(record.value()));
      expect(number == next[record.partition()], number + " where " + next[record.partition()]);
      next[record.partition()] += 2;
    }
  }

  static void collect(KafkaConsumer<byte[], byte[]> consumer, List<Integer> into) {
    for (var record : consumer.poll(Duration.ofMillis(100))) {
      into.add(Integer.parseInt(new String(record.value())));
    }
  }

  void errors() throws Exception {
    String topic = newTopic(1);
    String unknown = prefix + "-unknown";
    try (Admin admin = newAdmin(); var consumer = newConsumer(prefix, "allow.auto.create.topics", false);
        var producer = newProducer("max.request.size", 10_000_000, "max.block.ms", 20_000)) {
      wantError(UnknownTopicOrPartitionException.class, admin.describeTopics(List.of(unknown)).allTopicNames());
      wantError(UnknownTopicOrPartitionException.class, admin.deleteTopics(List.of(unknown)).all());
      wantError(TopicExistsException.class,
          admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all());
      for (String name : List.of("bad name", "..", "a/b", "x".repeat(250))) {
        wantError(InvalidTopicException.class,
            admin.createTopics(List.of(new NewTopic(name, 1, (short) 1))).all());
      }
      wantError(InvalidReplicationFactorException.class,
          admin.createTopics(List.of(new NewTopic(unknown, 1, (short) 3))).all());
      wantError(InvalidPartitionsException.class,
          admin.createTopics(List.of(new NewTopic(unknown, 0, (short) 1))).all());
      wantError(InvalidConfigurationException.class, admin.createTopics(List.of(
          new NewTopic(unknown, 1, (short) 1).configs(Map.of("no.such", "1")))).all());
      wantError(RecordTooLargeException.class,
          producer.send(new ProducerRecord<>(topic, new byte[2_000_000])));
      wantError(InvalidTopicException.class, producer.send(new ProducerRecord<>("bad name", text("x"))));
      wantError(GroupIdNotFoundException.class, admin.deleteConsumerGroups(List.of(unknown)).all());
      try {
        expect(consumer.partitionsFor(unknown, Duration.ofSeconds(10)).isEmpty(), "partitions of nothing");
      } catch (UnknownTopicOrPartitionException alsoRight) {
        // Either is what the client makes of the broker's error.
      }
    }
  }

  /** What only the Java administrator has. */
  void admin() throws Exception {
    String topic = newTopic(2);
    TopicPartition partition = new TopicPartition(topic, 0);
    send(newTopic(4), 0, 4);
    try (Admin admin = newAdmin(); var producer = newProducer()) {
      for (int i = 0; i < 10; ++i) producer.send(new ProducerRecord<>(topic, 0, null, text("" + i))).get();
      expect(admin.describeCluster().nodes().get().size() == 1, "nodes");
      expect(admin.listOffsets(Map.of(partition, OffsetSpec.latest())).all().get().get(partition).offset() == 10, "latest");
      expect(admin.listOffsets(Map.of(partition, OffsetSpec.maxTimestamp())).all().get().get(partition).offset() >= 0, "max timestamp");
      var deleted = admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(4))).all();
      deleted.get();
      expect(admin.listOffsets(Map.of(partition, OffsetSpec.earliest())).all().get().get(partition).offset() == 4, "earliest");
      admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(5))).all().get();
      var resource = new org.apache.kafka.common.config.ConfigResource(
          org.apache.kafka.common.config.ConfigResource.Type.TOPIC, topic);
      admin.incrementalAlterConfigs(Map.of(resource, List.of(
          new AlterConfigOp(new ConfigEntry("retention.ms", "1234567"), AlterConfigOp.OpType.SET)))).all().get();
      waitUntil("retention.ms", () -> {
        try {
          return admin.describeConfigs(List.of(resource)).all().get().get(resource).get("retention.ms").value().equals("1234567");
        } catch (Exception failed) {
          return false;
        }
      });
      int node = admin.describeCluster().nodes().get().iterator().next().id();
      var directories = admin.describeLogDirs(List.of(node)).allDescriptions().get().get(node);
      expect(directories.values().iterator().next().replicaInfos().containsKey(partition), "log directories");
      String group = prefix + "-admin";
      try (Member member = new Member(group, topic)) {
        waitUntil("member", () -> member.held > 0);
        var described = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
        expect(described.members().size() == 1, "members");
        expect(admin.listGroups().all().get().stream().anyMatch(found -> found.groupId().equals(group)), "not listed");
      }
      admin.alterConsumerGroupOffsets(group, Map.of(partition, new OffsetAndMetadata(7))).all().get();
      expect(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(partition).offset() == 7, "offset");
      admin.deleteConsumerGroupOffsets(group, Set.of(partition)).all().get();
      admin.deleteConsumerGroups(List.of(group)).all().get();
    }
  }
}
