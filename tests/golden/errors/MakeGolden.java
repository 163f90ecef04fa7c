// Prints the error codes of the protocol: number, name, whether clients retry it.
//   java -cp kafka-clients-4.3.1.jar:slf4j-api.jar MakeGolden.java > errors.txt
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.protocol.Errors;

public class MakeGolden {
    public static void main(String[] arguments) {
        for (Errors error : Errors.values()) {
            boolean retriable = error.exception() instanceof RetriableException;
            System.out.println(error.code() + " " + error.name() + " " + retriable);
        }
    }
}
