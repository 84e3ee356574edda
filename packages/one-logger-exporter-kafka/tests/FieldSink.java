import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.sink.SinkConnector;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTask;

/** A connector for tests. It writes of each record one field, or the record itself if none is named. */
public class FieldSink extends SinkConnector {
    private Map<String, String> settings;

    @Override
    public String version() {
        return "1";
    }

    @Override
    public ConfigDef config() {
        return new ConfigDef()
            .define("file", ConfigDef.Type.STRING, ConfigDef.Importance.HIGH, "Where to write.")
            .define("field", ConfigDef.Type.STRING, "", ConfigDef.Importance.HIGH, "The name of the field.");
    }

    @Override
    public void start(Map<String, String> settings) {
        this.settings = settings;
    }

    @Override
    public void stop() {
    }

    @Override
    public Class<? extends Task> taskClass() {
        return FieldSinkTask.class;
    }

    @Override
    public List<Map<String, String>> taskConfigs(int most) {
        return List.of(settings);
    }

    /** What does the work. */
    public static class FieldSinkTask extends SinkTask {
        private PrintWriter file;
        private String field;

        @Override
        public String version() {
            return "1";
        }

        @Override
        public void start(Map<String, String> settings) {
            field = settings.getOrDefault("field", "");
            try {
                file = new PrintWriter(settings.get("file"), StandardCharsets.UTF_8);
            } catch (IOException error) {
                throw new ConnectException(error);
            }
        }

        @Override
        public void put(Collection<SinkRecord> records) {
            for (SinkRecord record : records) {
                file.println(field.isEmpty() ? record.value() : ((Map<?, ?>) record.value()).get(field));
            }
            file.flush();
        }

        @Override
        public void stop() {
            file.close();
        }
    }
}
