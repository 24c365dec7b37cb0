package org.nin4j.kit;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Timer;
import java.util.TimerTask;

/**
 * Another engine at work: {@code run N} on its input lets it do N steps and answer with a line of
 * JSON that has {@code seconds} and {@code loss}; it begins with a line when it is ready and ends
 * with its input.
 */
final class PeerProcess implements AutoCloseable {
  private final Process process;
  private final BufferedReader replies;
  private final PrintWriter commands;

  PeerProcess(Room room, Path script, String mode) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(
                "python3",
                script.toString(),
                "serve",
                "mode=" + mode,
                "batch=" + Nin.batch(room),
                "pixels=" + Nin.pixels(room))
            .redirectError(ProcessBuilder.Redirect.appendTo(room.log("pytorch-" + mode).toFile()));
    // What is compiled and tuned once is there for the next call.
    Path cache = room.work().resolve("cache");
    builder.environment().put("TORCHINDUCTOR_CACHE_DIR", cache.resolve("inductor").toString());
    builder.environment().put("TRITON_CACHE_DIR", cache.resolve("triton").toString());
    process = builder.start();
    replies =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    commands = new PrintWriter(process.getOutputStream(), true, StandardCharsets.UTF_8);
    reply(room.secondsLeft());
  }

  /**
   * Lets it do the given number of steps.
   *
   * @return seconds that they took by its own clock
   * @throws IOException if it has ended, is not done in time, or its loss is not finite
   */
  double run(int steps, double timeout) throws IOException {
    commands.println("run " + steps);
    JsonObject reply = reply(timeout);
    if (!Double.isFinite(reply.get("loss").getAsDouble())) {
      throw new IOException("its loss is " + reply.get("loss"));
    }
    return reply.get("seconds").getAsDouble();
  }

  private JsonObject reply(double timeout) throws IOException {
    Timer timer = new Timer(true);
    timer.schedule(
        new TimerTask() {
          @Override
          public void run() {
            process.destroyForcibly();
          }
        },
        Math.max(1, (long) (timeout * 1000)));
    try {
      String line = replies.readLine();
      while (line != null && !line.startsWith("{")) {
        line = replies.readLine();
      }
      if (line == null) {
        throw new IOException("it ended before it answered, or was ended for want of time");
      }
      return JsonParser.parseString(line).getAsJsonObject();
    } finally {
      timer.cancel();
    }
  }

  @Override
  public void close() {
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
  }
}
