// Apache Kafka's own Java client with the settings of the other two sides, for reference. A program in
// one file, run from source with the jars of the compatibility suite (`./dev compat` fetches them):
//
//   java -cp '.cache/compat/java/lib/*' bench/client/JavaSide.java produce \
//        --brokers HOST:PORT --topic t --records 5000000 --bytes 100 [--no-idempotence]
//   java … bench/client/JavaSide.java consume …
//
// The same work is done once before the clock starts, so that the JVM has compiled it: produce sends
// as many records before (at most a million), consume reads everything twice.
import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class JavaSide {
  private static final OperatingSystemMXBean PROCESS =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
  private static final long WARM_UP_MAX = 1_000_000;

  private final Map<String, String> options = new HashMap<>();
  private final String topic;
  private final long records;
  private final int bytes;
  private long begun;
  private long cpuBefore;

  private JavaSide(String[] args) {
    for (int i = 1; i < args.length; ++i) {
      boolean flag = args[i].equals("--no-idempotence");
      options.put(args[i].substring(2), flag ? "true" : args[++i]);
    }
    topic = options.getOrDefault("topic", "bench");
    records = Long.parseLong(options.getOrDefault("records", "1000000"));
    bytes = Integer.parseInt(options.getOrDefault("bytes", "100"));
  }

  public static void main(String[] args) throws Exception {
    JavaSide side = new JavaSide(args);
    if (args[0].equals("produce")) {
      side.produce();
    } else {
      side.consume();
    }
  }

  private Properties settings() {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", options.getOrDefault("brokers", "127.0.0.1:9092"));
    return settings;
  }

  private void start() {
    begun = System.nanoTime();
    cpuBefore = PROCESS.getProcessCpuTime();
  }

  private void report(String what) {
    double seconds = (System.nanoTime() - begun) / 1e9;
    double cpu = (PROCESS.getProcessCpuTime() - cpuBefore) / 1e9;
    System.out.printf(Locale.ROOT,
        "%s java bytes=%d records=%d seconds=%.3f records/s=%.0f MB/s=%.1f cpu-s/M=%.3f%n", what,
        bytes, records, seconds, records / seconds, records * (double) bytes / seconds / 1e6,
        cpu / records * 1e6);
  }

  private void produce() {
    Properties settings = settings();
    settings.put("linger.ms", "5");
    settings.put("batch.size", options.getOrDefault("batch-bytes", "65536"));
    settings.put("acks", "all");
    settings.put("enable.idempotence", String.valueOf(!options.containsKey("no-idempotence")));
    settings.put("max.in.flight.requests.per.connection", options.getOrDefault("in-flight", "5"));
    settings.put("buffer.memory", "33554432");
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
      byte[] value = new byte[bytes];
      send(producer, value, Math.min(records, WARM_UP_MAX));
      start();
      send(producer, value, records);
      report("produce");
    }
  }

  private void send(KafkaProducer<byte[], byte[]> producer, byte[] value, long count) {
    for (long i = 0; i < count; ++i) {
      producer.send(new ProducerRecord<>(topic, value), (metadata, failure) -> {
        if (failure != null) {
          failure.printStackTrace();
          Runtime.getRuntime().halt(1);
        }
      });
    }
    producer.flush();
  }

  private void consume() {
    Properties settings = settings();
    settings.put("enable.auto.commit", "false");
    settings.put("auto.offset.reset", "earliest");
    settings.put("check.crcs", "true");
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> all = consumer.partitionsFor(topic).stream()
          .map(info -> new TopicPartition(topic, info.partition())).toList();
      consumer.assign(all);
      read(consumer);
      consumer.seekToBeginning(all);
      start();
      read(consumer);
      report("consume");
    }
  }

  private void read(KafkaConsumer<byte[], byte[]> consumer) {
    long count = 0;
    long size = 0;
    while (count < records) {
      for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofSeconds(10))) {
        size += record.value().length;
        ++count;
      }
    }
    if (size < records * bytes) System.err.println("bytes are missing");
  }
}
