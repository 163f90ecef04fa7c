// Spring's @RetryableTopic as its users write it: a record that fails comes back over Spring's own
// retry topics, with its own headers, and ends in its dead-letter topic; others pass it.

import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.annotation.DltHandler;
import org.springframework.kafka.annotation.EnableKafka;
import org.springframework.kafka.annotation.EnableKafkaRetryTopic;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.annotation.RetryableTopic;
import org.springframework.kafka.config.ConcurrentKafkaListenerContainerFactory;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaAdmin;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.retry.annotation.Backoff;
import org.springframework.scheduling.TaskScheduler;
import org.springframework.scheduling.concurrent.ThreadPoolTaskScheduler;

public class Retryable {
  static String address;
  // What was handled, in order: "TOPIC VALUE".
  static final List<String> seen = new CopyOnWriteArrayList<>();

  @Configuration
  @EnableKafka
  @EnableKafkaRetryTopic
  public static class Application {
    @Bean
    public KafkaAdmin admin() {
      return new KafkaAdmin(Map.of("bootstrap.servers", address));
    }

    @Bean
    public NewTopic topic() {
      return new NewTopic(System.getProperty("topic"), 1, (short) 1);
    }

    @Bean
    public KafkaTemplate<String, String> defaultRetryTopicKafkaTemplate() {
      return new KafkaTemplate<>(
          new DefaultKafkaProducerFactory<>(
              Map.of("bootstrap.servers", address),
              new StringSerializer(),
              new StringSerializer()));
    }

    @Bean
    public ConcurrentKafkaListenerContainerFactory<String, String> kafkaListenerContainerFactory() {
      var factory = new ConcurrentKafkaListenerContainerFactory<String, String>();
      factory.setConsumerFactory(
          new DefaultKafkaConsumerFactory<>(
              Map.of("bootstrap.servers", address, "auto.offset.reset", "earliest"),
              new StringDeserializer(),
              new StringDeserializer()));
      return factory;
    }

    @Bean
    public TaskScheduler scheduler() {
      return new ThreadPoolTaskScheduler();
    }

    @Bean
    public Worker worker() {
      return new Worker();
    }
  }

  public static class Worker {
    @RetryableTopic(attempts = "3", backoff = @Backoff(delay = 300, multiplier = 2))
    @KafkaListener(topics = "${topic}", groupId = "${topic}-group")
    public void handle(ConsumerRecord<String, String> record) {
      seen.add(record.topic() + " " + record.value());
      boolean last = record.topic().endsWith("-retry-1");
      if (record.value().equals("never") || (record.value().equals("late") && !last))
        throw new IllegalStateException("not now");
    }

    @DltHandler
    public void dead(ConsumerRecord<String, String> record) {
      seen.add(record.topic() + " " + record.value());
    }
  }

  static void check(boolean holds, String what) {
    if (!holds) throw new IllegalStateException(what + ": " + seen);
  }

  static void run(String topic) throws Exception {
    try (var context = new AnnotationConfigApplicationContext(Application.class)) {
      var template = context.getBean(KafkaTemplate.class);
      for (String value : List.of("never", "late", "good"))
        template.send(topic, 0, "key", value).get();
      List<String> wanted =
          List.of(
              topic + " good",
              topic + "-retry-0 never",
              topic + "-retry-0 late",
              topic + "-retry-1 never",
              topic + "-retry-1 late",
              topic + "-dlt never");
      long deadline = System.nanoTime() + 60_000_000_000L;
      while (!seen.containsAll(wanted) && System.nanoTime() < deadline) Thread.sleep(50);
      check(seen.containsAll(wanted), "not all came");
      check(seen.size() == 8, "something came twice");
      check(
          seen.indexOf(topic + " good") < seen.indexOf(topic + "-retry-0 never"),
          "a failure held up what came behind it");
    }
  }

  public static void main(String[] arguments) {
    address = arguments[0];
    String topic = arguments[1] + "-orders";
    System.setProperty("topic", topic);
    try {
      run(topic);
      System.out.println("ok retryable");
    } catch (Throwable failure) {
      failure.printStackTrace();
      System.out.println("fail retryable " + failure);
    }
    System.exit(0);
  }
}
