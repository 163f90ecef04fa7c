import java.io.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.zip.CRC32;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.serialization.*;

/**
 * The clients of ../../crash/checker.py with Apache Kafka's own Java client; ../../crash/checker_worker.py
 * says how it is told, and what it writes.
 */
public final class CheckerWorker {
  static final int IN_FLIGHT_MAX = 2000;
  static final int SESSION = 4;  // seconds of its rate for which a producer lasts
  static final long COMMIT_NANOS = 100_000_000;

  static volatile boolean stop;
  static volatile boolean leave;
  static volatile Map<TopicPartition, Long> ends;

  static String address;
  static Path directory;
  static List<TopicPartition> parts = new ArrayList<>();

  interface Role { void run(History history) throws Exception; }

  public static void main(String[] args) throws Exception {
    address = args[0];
    directory = Path.of(args[1]);
    for (String part : args[2].split(",")) parts.add(partOf(part));
    Thread listener = new Thread(CheckerWorker::listen);
    listener.setDaemon(true);
    listener.start();
    List<Thread> threads = new ArrayList<>();
    for (String role : List.of(args).subList(3, args.length)) {
      String[] words = role.split(":");
      threads.add(switch (words[0]) {
        case "produce" -> start(words[1], h -> produce(h, Double.parseDouble(words[2]), words[3]));
        case "read" -> start(words[1], CheckerWorker::read);
        default -> start(words[1], h -> new Member(h, words[2]).run());
      });
    }
    for (Thread thread : threads) thread.join();
    System.exit(0);
  }

  static Thread start(String name, Role role) {
    Thread thread = new Thread(() -> {
      try (History history = new History(name)) {
        try {
          role.run(history);
        } catch (Throwable problem) {
          history.note("problem", problem.toString().replace('\n', ' '));
        }
      } catch (IOException problem) {
        Runtime.getRuntime().halt(4);
      }
      System.out.println("done " + name);
      System.out.flush();
    }, name);
    thread.start();
    return thread;
  }

  static void listen() {
    try (BufferedReader input = new BufferedReader(new InputStreamReader(System.in))) {
      for (String line; (line = input.readLine()) != null;) {
        String[] words = line.split(" ");
        if (words[0].equals("stop")) stop = true;
        if (words[0].equals("leave")) leave = true;
        if (!words[0].equals("ends")) continue;
        Map<TopicPartition, Long> told = new HashMap<>();
        for (int i = 1; i < words.length; ++i) {
          int equals = words[i].lastIndexOf('=');
          told.put(partOf(words[i].substring(0, equals)), Long.parseLong(words[i].substring(equals + 1)));
        }
        ends = told;
      }
    } catch (IOException ended) {
      // as at its end
    }
    Runtime.getRuntime().halt(3);
  }

  static TopicPartition partOf(String text) {
    int dash = text.lastIndexOf('-');
    return new TopicPartition(text.substring(0, dash), Integer.parseInt(text.substring(dash + 1)));
  }

  static String crc(byte[] bytes) {
    CRC32 crc = new CRC32();
    if (bytes != null) crc.update(bytes);
    return String.format("%08x", crc.getValue());
  }

  static final class History implements Closeable {
    final String name;
    private final Writer file;

    History(String name) throws IOException {
      this.name = name;
      file = new BufferedWriter(new FileWriter(directory.resolve(name + ".history").toFile(),
          StandardCharsets.UTF_8), 1 << 16);
    }

    synchronized void note(Object... words) {
      try {
        for (Object word : words) file.append(word.toString()).append(' ');
        file.append('\n');
      } catch (IOException problem) {
        throw new UncheckedIOException(problem);
      }
    }

    @Override public synchronized void close() throws IOException { file.close(); }
  }

  static Map<String, Object> settings(Object... more) {
    Map<String, Object> settings = new HashMap<>(Map.of("bootstrap.servers", address,
        "reconnect.backoff.ms", 10, "reconnect.backoff.max.ms", 50, "retry.backoff.ms", 20,
        "retry.backoff.max.ms", 200, "socket.connection.setup.timeout.ms", 2000));
    for (int i = 0; i < more.length; i += 2) settings.put((String) more[i], more[i + 1]);
    return settings;
  }

  static void produce(History history, double rate, String codec) throws Exception {
    for (int number = 0; !stop;) number = produce(history, rate, codec, number);
  }

  /** One producer, from this record on; the number of the next. */
  static int produce(History history, double rate, String codec, int number) throws Exception {
    Semaphore room = new Semaphore(IN_FLIGHT_MAX);
    double last = number + SESSION * rate;
    try (var producer = new KafkaProducer<>(settings("linger.ms", 5, "acks", "all",
        "enable.idempotence", true, "compression.type", codec, "max.block.ms", 120_000,
        "delivery.timeout.ms", 120_000), new ByteArraySerializer(), new ByteArraySerializer())) {
      long began = System.nanoTime();
      long paced = 0;
      for (; !stop && number < last; ++number, ++paced) {
        while (!room.tryAcquire(10, TimeUnit.MILLISECONDS)) {
          began = System.nanoTime();
          paced = 0;
        }
        TopicPartition part = parts.get(number / 3 % parts.size());
        byte[] key = (history.name + ":" + number).getBytes(StandardCharsets.UTF_8);
        int size = number % 701 == 700 ? 30_000 : 20 + (int) (number * 7919L % 400);
        byte[] value = Arrays.copyOf(key, key.length + 1 + size);
        Arrays.fill(value, key.length + 1, value.length, (byte) ('a' + number % 26));
        value[key.length] = ':';
        int sent = number;
        history.note("send", number, part, crc(value), System.nanoTime());
        producer.send(new ProducerRecord<>(part.topic(), part.partition(), key, value), (row, error) -> {
          room.release();
          if (error != null) history.note("fail", sent, System.nanoTime(), error);
          else history.note("ack", sent, row.topic() + "-" + row.partition(), row.offset(), System.nanoTime());
        });
        long due = began + (long) (paced * 1e9 / rate);
        long left = due - System.nanoTime();
        if (left > 0) TimeUnit.NANOSECONDS.sleep(left);
      }
    }
    return number;
  }

  static void note(History history, ConsumerRecord<byte[], byte[]> record) {
    String key = record.key() == null ? "?" : new String(record.key(), StandardCharsets.ISO_8859_1);
    history.note("read", record.topic() + "-" + record.partition(), record.offset(),
        key.replace(' ', '?'), crc(record.value()), System.nanoTime());
  }

  static KafkaConsumer<byte[], byte[]> consumer(Object... more) {
    Map<String, Object> settings = settings(more);
    settings.putAll(Map.of("enable.auto.commit", false, "auto.offset.reset", "none",
        "fetch.max.wait.ms", 50));
    return new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  /** A poll; what passes is no problem: it gives nothing. */
  static ConsumerRecords<byte[], byte[]> poll(KafkaConsumer<byte[], byte[]> consumer) {
    try {
      return consumer.poll(Duration.ofMillis(50));
    } catch (CorruptRecordException broken) {
      throw broken;  // although it is retriable
    } catch (RetriableException passes) {
      // again
    }
    return ConsumerRecords.empty();
  }

  static void read(History history) {
    try (var consumer = consumer()) {
      Map<TopicPartition, Long> position = new HashMap<>();
      consumer.assign(parts);
      for (TopicPartition part : parts) {
        consumer.seek(part, 0);
        position.put(part, 0L);
        history.note("start", part, System.nanoTime());
      }
      while (ends == null || ends.entrySet().stream().anyMatch(e -> position.get(e.getKey()) < e.getValue()))
        for (var record : poll(consumer)) {
          note(history, record);
          position.put(new TopicPartition(record.topic(), record.partition()), record.offset() + 1);
        }
    }
  }

  static final class Member implements ConsumerRebalanceListener {
    private final History history;
    private final String group;
    private final Map<TopicPartition, OffsetAndMetadata> position = new HashMap<>();  // read, not committed

    Member(History history, String group) {
      this.history = history;
      this.group = group;
    }

    @Override public void onPartitionsAssigned(Collection<TopicPartition> added) {
      for (TopicPartition part : added) history.note("start", part, System.nanoTime());
    }

    @Override public void onPartitionsRevoked(Collection<TopicPartition> gone) { position.clear(); }

    void run() {
      try (var consumer = consumer("group.id", group, "session.timeout.ms", 2000,
          "heartbeat.interval.ms", 300, "partition.assignment.strategy",
          "org.apache.kafka.clients.consumer.RangeAssignor", "default.api.timeout.ms", 10_000)) {
        consumer.subscribe(parts.stream().map(TopicPartition::topic).distinct().toList(), this);
        long nextCommit = System.nanoTime();
        while (!leave) {
          for (var record : poll(consumer)) {
            note(history, record);
            position.put(new TopicPartition(record.topic(), record.partition()),
                new OffsetAndMetadata(record.offset() + 1));
          }
          if (position.isEmpty() || System.nanoTime() < nextCommit) continue;
          commit(consumer);
          nextCommit = System.nanoTime() + COMMIT_NANOS;
        }
      }
    }

    private void commit(KafkaConsumer<byte[], byte[]> consumer) {
      Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>(position);
      position.clear();
      long began = System.nanoTime();
      String word = "commit";
      try {
        consumer.commitSync(offsets, Duration.ofSeconds(3));
      } catch (KafkaException refused) {
        word = "nocommit";
      }
      for (var row : offsets.entrySet())
        history.note(word, row.getKey(), row.getValue().offset(), began, System.nanoTime());
    }
  }
}
