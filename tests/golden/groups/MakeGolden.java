// Writes the golden records beside this file with Apache Kafka's own classes. Needs the jars of
// org.apache.kafka:kafka-group-coordinator:4.3.0 with its dependencies on the class path:
//   java -cp "$JARS/*" MakeGolden.java > records.hex
// Each line: name, key in hex, value in hex ("-" for a tombstone).
import java.util.HexFormat;
import java.util.List;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.coordinator.common.runtime.CoordinatorRecord;
import org.apache.kafka.coordinator.group.GroupCoordinatorRecordSerde;
import org.apache.kafka.coordinator.group.generated.*;
import org.apache.kafka.server.common.ApiMessageAndVersion;

public class MakeGolden {
    static final GroupCoordinatorRecordSerde serde = new GroupCoordinatorRecordSerde();

    static void print(String name, CoordinatorRecord record) {
        byte[] value = serde.serializeValue(record);
        HexFormat hex = HexFormat.of();
        System.out.println(name + " " + hex.formatHex(serde.serializeKey(record)) + " "
            + (value == null ? "-" : hex.formatHex(value)));
    }

    static OffsetCommitKey offsetKey() {
        return new OffsetCommitKey().setGroup("payments").setTopic("orders").setPartition(7);
    }

    static void offset(String name, int version, OffsetCommitValue value) {
        print(name, CoordinatorRecord.record(offsetKey(), new ApiMessageAndVersion(value, (short) version)));
    }

    static OffsetCommitValue offsetValue() {
        return new OffsetCommitValue().setOffset(123456789012L).setMetadata("näh")
            .setCommitTimestamp(1700000000123L);
    }

    static GroupMetadataValue group(boolean withInstance) {
        GroupMetadataValue.MemberMetadata one = new GroupMetadataValue.MemberMetadata()
            .setMemberId("client-1-4a6ff4dd").setClientId("client-1").setClientHost("/127.0.0.1")
            .setSessionTimeout(45000).setRebalanceTimeout(300000)
            .setSubscription(new byte[] {0, 1, 2}).setAssignment(new byte[] {3, 4});
        GroupMetadataValue.MemberMetadata two = new GroupMetadataValue.MemberMetadata()
            .setMemberId("static-2-77").setGroupInstanceId(withInstance ? "static-2" : null)
            .setClientId("client-2").setClientHost("/10.0.0.2")
            .setSessionTimeout(6000).setRebalanceTimeout(60000)
            .setSubscription(new byte[0]).setAssignment(new byte[0]);
        return new GroupMetadataValue().setProtocolType("consumer").setGeneration(42)
            .setProtocol("cooperative-sticky").setLeader("client-1-4a6ff4dd")
            .setCurrentStateTimestamp(1700000000999L).setMembers(List.of(one, two));
    }

    static void group(String name, int version, GroupMetadataValue value) {
        print(name, CoordinatorRecord.record(new GroupMetadataKey().setGroup("payments"),
            new ApiMessageAndVersion(value, (short) version)));
    }

    public static void main(String[] args) {
        Uuid id = new Uuid(0x0102030405060708L, 0x090a0b0c0d0e0f10L);
        offset("offset-v4-topic-id", 4, offsetValue().setLeaderEpoch(5).setTopicId(id));
        offset("offset-v4", 4, offsetValue().setLeaderEpoch(5));
        offset("offset-v3", 3, offsetValue().setLeaderEpoch(5));
        offset("offset-v2", 2, offsetValue());
        offset("offset-v1-expiry", 1, offsetValue().setExpireTimestamp(1700000600123L));
        offset("offset-v0", 0, offsetValue());
        print("offset-tombstone", CoordinatorRecord.tombstone(offsetKey()));

        for (int version = 4; version >= 3; version--) group("group-v" + version, version, group(true));
        for (int version = 2; version >= 0; version--) group("group-v" + version, version, group(false));
        group("group-empty", 3, new GroupMetadataValue().setProtocolType("consumer").setGeneration(43)
            .setProtocol(null).setLeader(null).setCurrentStateTimestamp(1700000001000L));
        print("group-tombstone", CoordinatorRecord.tombstone(new GroupMetadataKey().setGroup("payments")));
        print("other-type", CoordinatorRecord.record(new ConsumerGroupMetadataKey().setGroupId("payments"),
            new ApiMessageAndVersion(new ConsumerGroupMetadataValue().setEpoch(1), (short) 0)));

        // Which partition of 50 and of 7 holds a group: "partition NAME N50 N7", the name in hex.
        for (String group : new String[] {"", "payments", "näh", "group-€-😀", "polygenelubricants"}) {
            System.out.println("partition " + (group.isEmpty() ? "-" : HexFormat.of().formatHex(
                group.getBytes(java.nio.charset.StandardCharsets.UTF_8)))
                + " " + org.apache.kafka.common.utils.Utils.abs(group.hashCode()) % 50
                + " " + org.apache.kafka.common.utils.Utils.abs(group.hashCode()) % 7);
        }
    }
}
