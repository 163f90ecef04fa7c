// Writes the golden records beside this file with Apache Kafka's own classes. Needs the jars of
// org.apache.kafka:kafka-share-coordinator:4.3.1 with its dependencies on the class path:
//   java -cp "$JARS/*" MakeGolden.java > records.hex
// Each line: name, key in hex, value in hex ("-" for a tombstone).
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.types.RawTaggedField;
import org.apache.kafka.coordinator.common.runtime.CoordinatorRecord;
import org.apache.kafka.coordinator.share.ShareCoordinatorRecordSerde;
import org.apache.kafka.coordinator.share.generated.*;
import org.apache.kafka.server.common.ApiMessageAndVersion;

public class MakeGolden {
    static final ShareCoordinatorRecordSerde serde = new ShareCoordinatorRecordSerde();

    static void print(String name, CoordinatorRecord record) {
        byte[] value = serde.serializeValue(record);
        HexFormat hex = HexFormat.of();
        System.out.println(name + " " + hex.formatHex(serde.serializeKey(record)) + " "
            + (value == null ? "-" : hex.formatHex(value)));
    }

    static RawTaggedField tag(int number, long value) {
        return new RawTaggedField(number, ByteBuffer.allocate(8).putLong(value).array());
    }

    public static void main(String[] args) {
        Uuid topic = new Uuid(0x0102030405060708L, 0x090a0b0c0d0e0f10L);
        var snapshotKey = new ShareSnapshotKey().setGroupId("payments").setTopicId(topic).setPartition(7);
        var updateKey = new ShareUpdateKey().setGroupId("payments").setTopicId(topic).setPartition(7);
        print("snapshot", CoordinatorRecord.record(snapshotKey, new ApiMessageAndVersion(
            new ShareSnapshotValue().setSnapshotEpoch(3).setStateEpoch(2).setLeaderEpoch(1)
                .setStartOffset(100).setDeliveryCompleteCount(5)
                .setCreateTimestamp(1700000000123L).setWriteTimestamp(1700000000456L)
                .setStateBatches(List.of(
                    new ShareSnapshotValue.StateBatch().setFirstOffset(100).setLastOffset(100)
                        .setDeliveryState((byte) 0).setDeliveryCount((short) 2),
                    new ShareSnapshotValue.StateBatch().setFirstOffset(101).setLastOffset(105)
                        .setDeliveryState((byte) 2).setDeliveryCount((short) 0))), (short) 0)));
        print("snapshot-empty", CoordinatorRecord.record(snapshotKey, new ApiMessageAndVersion(
            new ShareSnapshotValue().setSnapshotEpoch(1).setStateEpoch(1).setStartOffset(9)
                .setCreateTimestamp(5).setWriteTimestamp(6), (short) 0)));
        print("update", CoordinatorRecord.record(updateKey, new ApiMessageAndVersion(
            new ShareUpdateValue().setSnapshotEpoch(3).setLeaderEpoch(1).setStartOffset(-1)
                .setDeliveryCompleteCount(6).setStateBatches(List.of(
                    new ShareUpdateValue.StateBatch().setFirstOffset(100).setLastOffset(100)
                        .setDeliveryState((byte) 4).setDeliveryCount((short) 5))), (short) 0)));
        // Given up, its copy outstanding: ARCHIVING, with our tags, which Kafka keeps as unknown ones.
        var archiving = new ShareUpdateValue.StateBatch().setFirstOffset(100).setLastOffset(100)
            .setDeliveryState((byte) 3).setDeliveryCount((short) 5);
        archiving.unknownTaggedFields().addAll(List.of(
            tag(10001, 1700000000001L), tag(10002, 1700000000002L),
            new RawTaggedField(10003, new byte[] {2}),
            new RawTaggedField(10004, "näh".getBytes(StandardCharsets.UTF_8))));
        print("update-archiving", CoordinatorRecord.record(updateKey, new ApiMessageAndVersion(
            new ShareUpdateValue().setSnapshotEpoch(3).setLeaderEpoch(1).setStartOffset(-1)
                .setDeliveryCompleteCount(6).setStateBatches(List.of(archiving)), (short) 0)));
        print("tombstone", CoordinatorRecord.tombstone(snapshotKey));
        // Which partition of 50 and of 7 holds it.
        String name = "payments:" + topic + ":7";
        System.out.println("partition " + org.apache.kafka.common.utils.Utils.abs(name.hashCode()) % 50
            + " " + org.apache.kafka.common.utils.Utils.abs(name.hashCode()) % 7);
    }
}
