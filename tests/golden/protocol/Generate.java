// Writes the golden frames of messages.hex with Kafka's own encoder. See README.md beside it.
//
// Usage: java -cp kafka-clients-4.3.1.jar Generate.java > messages.hex
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.record.internal.BaseRecords;
import org.apache.kafka.common.record.internal.MemoryRecords;

public class Generate {
  // How a message is filled; the README has the rules, fill.hpp has them for C++.
  enum Mode { FULL, NULLS, ELEMENTS }

  static final int CORRELATION_ID = 7;
  static final String CLIENT_ID = "sluice";

  final short version;
  final Mode mode;
  long counter = 0;

  Generate(short version, Mode mode) {
    this.version = version;
    this.mode = mode;
  }

  public static void main(String[] args) throws Exception {
    short[] keys = new short[args.length];
    for (int i = 0; i < args.length; ++i) keys[i] = Short.parseShort(args[i]);
    for (short key : keys) {
      ApiKeys api = ApiKeys.forId(key);
      write(api, true);
      write(api, false);
    }
  }

  static void write(ApiKeys api, boolean request) throws Exception {
    ApiMessage proto = request ? api.messageType.newRequest() : api.messageType.newResponse();
    for (short v = proto.lowestSupportedVersion(); v <= proto.highestSupportedVersion(); ++v) {
      for (Mode mode : Mode.values()) {
        ApiMessage body = request ? api.messageType.newRequest() : api.messageType.newResponse();
        new Generate(v, mode).fill(body);
        Message header;
        short headerVersion;
        if (request) {
          headerVersion = api.requestHeaderVersion(v);
          header = new RequestHeaderData().setRequestApiKey(api.id).setRequestApiVersion(v)
              .setCorrelationId(CORRELATION_ID).setClientId(CLIENT_ID);
        } else {
          headerVersion = api.responseHeaderVersion(v);
          header = new ResponseHeaderData().setCorrelationId(CORRELATION_ID);
        }
        System.out.println(api.id + (request ? " Q " : " R ") + v + " "
            + mode.name().toLowerCase().charAt(0) + " "
            + hex(header, headerVersion) + hex(body, v));
      }
    }
  }

  static String hex(Message message, short version) {
    ObjectSerializationCache cache = new ObjectSerializationCache();
    ByteBuffer buffer = ByteBuffer.allocate(message.size(cache, version));
    message.write(new ByteBufferAccessor(buffer), cache, version);
    return HexFormat.of().formatHex(buffer.array());
  }

  // Fills the fields that the version has: untagged ones in wire order, then the tagged by tag.
  void fill(Object message) throws Exception {
    Schema schema = ((Schema[]) message.getClass().getField("SCHEMAS").get(null))[version];
    List<org.apache.kafka.common.protocol.types.Field> tagged = new ArrayList<>();
    for (BoundField bound : schema.fields()) {
      if (bound.def.type instanceof TaggedFields) {
        tagged.addAll(((TaggedFields) bound.def.type).fields().values());
      } else {
        fillField(message, bound.def);
      }
    }
    for (org.apache.kafka.common.protocol.types.Field field : tagged) fillField(message, field);
  }

  void fillField(Object message, org.apache.kafka.common.protocol.types.Field def)
      throws Exception {
    Field field = member(message.getClass(), def.name);
    field.setAccessible(true);
    boolean nullable = def.type.isNullable();
    Class<?> type = field.getType();
    if (BaseRecords.class.isAssignableFrom(type)) {  // never null: the schema does not tell
      field.set(message, leaf(type));
    } else if (mode == Mode.NULLS && nullable) {
      field.set(message, null);
    } else if (Collection.class.isAssignableFrom(type)) {
      field.set(message, collection(field));
    } else if (Message.class.isAssignableFrom(type)) {
      if (mode == Mode.ELEMENTS && nullable) return;
      Object inner = type.getDeclaredConstructor().newInstance();
      fill(inner);
      field.set(message, inner);
    } else if (mode != Mode.ELEMENTS) {
      field.set(message, leaf(type));
    }
  }

  @SuppressWarnings({"unchecked", "rawtypes"})
  Object collection(Field field) throws Exception {
    boolean keyed = !field.getType().equals(List.class);
    Collection all =
        keyed ? (Collection) field.getType().getDeclaredConstructor().newInstance() : new ArrayList<>();
    Class<?> element = elementType(field);
    int count = mode == Mode.FULL ? 2 : 1;
    for (int i = 0; i < count; ++i) {
      if (Message.class.isAssignableFrom(element)) {
        Object inner = element.getDeclaredConstructor().newInstance();
        fill(inner);
        all.add(inner);
      } else if (mode != Mode.ELEMENTS) {
        all.add(leaf(element));
      }
    }
    return all;
  }

  static Class<?> elementType(Field field) {
    Type type = field.getGenericType();
    if (!(type instanceof ParameterizedType)) type = field.getType().getGenericSuperclass();
    return (Class<?>) ((ParameterizedType) type).getActualTypeArguments()[0];
  }

  Object leaf(Class<?> type) {
    long n = ++counter;
    if (type == boolean.class || type == Boolean.class) return true;
    if (type == byte.class || type == Byte.class) return (byte) n;
    if (type == short.class || type == Short.class) return (short) n;
    if (type == int.class || type == Integer.class) return (int) n;
    if (type == long.class || type == Long.class) return n;
    if (type == double.class) return n + 0.5;
    if (type == String.class) return "s" + n;
    if (type == Uuid.class) return new Uuid(n, ~n);
    if (type == byte[].class) return new byte[] {(byte) n, 0, (byte) 0xff};
    if (type == ByteBuffer.class) return ByteBuffer.wrap(new byte[] {(byte) n, 0, (byte) 0xff});
    if (BaseRecords.class.isAssignableFrom(type))
      return MemoryRecords.readableRecords(ByteBuffer.wrap(new byte[] {(byte) n, 1, 2, 3, 4}));
    throw new IllegalStateException("no rule for " + type);
  }

  // The member of a field that the schema spells in snake case.
  static Field member(Class<?> type, String name) {
    String plain = name.replace("_", "");
    for (Field field : type.getDeclaredFields()) {
      if (Modifier.isStatic(field.getModifiers())) continue;
      if (field.getName().equalsIgnoreCase(plain)) return field;
    }
    throw new IllegalStateException(type + " has no " + name);
  }
}
