import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Scanner;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;

// The batch writer and reader inside Kafka's Java clients.
//   Records write CODEC small|large    the records of capture.py as one batch, in hex
//   Records read                       hex on stdin, a line a buffer; prints what Kafka reads
public final class Records {
  private static final long TIMESTAMP = 1700000000000L;

  private static byte[] bytes(String text) {
    return text == null ? null : text.getBytes(StandardCharsets.UTF_8);
  }

  private static String text(ByteBuffer buffer) {
    return buffer == null ? "(null)" : StandardCharsets.UTF_8.decode(buffer).toString();
  }

  private static void write(String codec, boolean isLarge) {
    String[][] records = {
      {"key-1", "value-1"},
      {null, "no key"},
      {"tombstone", null},
      {"", ""},
      {"again", "abcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabc".repeat(4)}
    };
    if (isLarge) {
      StringBuilder large = new StringBuilder();
      for (int i = 0; i < 3600; ++i) large.append(String.format("line %05d of a large value\n", i / 100));
      records = new String[][] {{"large", large.toString()}};
    }
    // As the producer's RecordAccumulator and ProducerBatch do.
    MemoryRecordsBuilder builder =
        MemoryRecords.builder(
            ByteBuffer.allocate(1 << 20), RecordBatch.MAGIC_VALUE_V2, Compression.of(codec).build(),
            TimestampType.CREATE_TIME, 0L);
    for (int i = 0; i < records.length; ++i) {
      List<Header> headers = new ArrayList<>();
      if (i == 0 && !isLarge) {
        headers.add(new RecordHeader("type", bytes("push")));
        headers.add(new RecordHeader("empty", bytes("")));
        headers.add(new RecordHeader("null", (byte[]) null));
      }
      builder.append(
          TIMESTAMP + i, bytes(records[i][0]), bytes(records[i][1]),
          headers.toArray(new Header[0]));
    }
    builder.setProducerState(4711L, (short) 3, 17, false);
    ByteBuffer built = builder.build().buffer();
    byte[] hex = new byte[built.remaining()];
    built.get(hex);
    System.out.println(HexFormat.of().formatHex(hex));
  }

  private static void read(String hex) {
    MemoryRecords records =
        MemoryRecords.readableRecords(ByteBuffer.wrap(HexFormat.of().parseHex(hex)));
    for (MutableRecordBatch batch : records.batches()) {
      batch.ensureValid();
      System.out.println(
          "batch " + batch.baseOffset() + ".." + batch.lastOffset() + " " + batch.compressionType()
              + " producer " + batch.producerId() + "/" + batch.producerEpoch() + "/"
              + batch.baseSequence() + ".." + batch.lastSequence() + " count "
              + batch.countOrNull() + " " + batch.timestampType() + " max " + batch.maxTimestamp()
              + " transactional " + batch.isTransactional() + " control " + batch.isControlBatch()
              + " horizon " + batch.deleteHorizonMs());
      for (Record record : batch)
        System.out.println(
            "  " + record.offset() + " " + record.timestamp() + " " + text(record.key()) + " "
                + (record.valueSize() > 200 ? record.valueSize() + " bytes" : text(record.value()))
                + " headers " + record.headers().length);
    }
  }

  public static void main(String[] args) {
    if (args[0].equals("write")) {
      write(args[1], args[2].equals("large"));
      return;
    }
    Scanner lines = new Scanner(System.in);
    while (lines.hasNextLine()) read(lines.nextLine());
  }
}
