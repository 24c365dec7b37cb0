package org.nin4j.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.nin4j.backend.cuda.StandInGpu;
import org.nin4j.backend.onednn.OneDnnBackend;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.model.Activation;
import org.nin4j.model.Flatten;
import org.nin4j.model.Linear;
import org.nin4j.model.Network;
import org.nin4j.model.Sequential;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.Adam;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.Learning;
import org.nin4j.plan.step.Optimizer;
import org.nin4j.plan.step.Sgd;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.UpdateGroup;
import org.nin4j.standin.StandIn;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;
import org.nin4j.train.recipe.Schedule;

/**
 * Optimizers do in six steps what PyTorch's do with the same gradients; recorded by {@code
 * bench/peers/pytorch/record_optimizers.py}.
 */
class RecordedOptimizersTest {
  /** Parameters are below 0.6, so that each step rounds by 3e-8 at most, on either side. */
  private static final float TOLERANCE = 1e-6f;

  /** As the recorded model, whose first layer is 0 instead of 1. */
  private static final Network NETWORK =
      new Network(
          "two-layers",
          Sequential.of(new Flatten(), new Linear(3), Activation.RELU, new Linear(2)));

  private static final JsonObject RECORDED = read();

  private static JsonObject read() {
    try (InputStream in =
            RecordedOptimizersTest.class.getResourceAsStream(
                "/org/nin4j/recorded/optimizers.json");
        Reader reader = new InputStreamReader(in, StandardCharsets.UTF_8)) {
      return new Gson().fromJson(reader, JsonObject.class);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @TestFactory
  Stream<DynamicTest> reference() {
    return tests(ReferenceBackend::new);
  }

  @TestFactory
  Stream<DynamicTest> oneDnn() {
    return tests(() -> new OneDnnBackend(2));
  }

  @TestFactory
  Stream<DynamicTest> cuda() {
    StandIn.assumeAvailable();
    return tests(StandInGpu::open);
  }

  private static Stream<DynamicTest> tests(Supplier<Backend> backends) {
    return cases()
        .map(
            one ->
                DynamicTest.dynamicTest(
                    one.get("optimizer").getAsString() + one.get("settings") + one.get("how"),
                    () -> {
                      try (Backend backend = backends.get()) {
                        repeat(one, backend);
                      }
                    }));
  }

  private static Stream<JsonObject> cases() {
    return RECORDED.getAsJsonArray("cases").asList().stream().map(JsonElement::getAsJsonObject);
  }

  private static void repeat(JsonObject recorded, Backend backend) {
    Plan plan = plan(recorded);
    float[] rates = floats(recorded.get("rates"));
    List<TensorSpec> parameters = parameters(plan);
    try (Session session = backend.bind(backend.prepare(plan))) {
      for (TensorSpec parameter : parameters) {
        write(session, parameter, recorded.getAsJsonObject("initial"), parameter);
      }
      session.begin(new Epoch(1, 0, new int[0], rates));
      for (JsonElement element : recorded.getAsJsonArray("steps")) {
        JsonObject step = element.getAsJsonObject();
        for (TensorSpec parameter : parameters) {
          TensorSpec gradient = plan.tensor(parameter.name() + ".gradient");
          write(session, gradient, step.getAsJsonObject("gradients"), parameter);
        }
        session.run();
        for (TensorSpec parameter : parameters) {
          compare(session, parameter, step.getAsJsonObject("parameters"), parameter);
          if (step.has("averages")) {
            TensorSpec average = plan.tensor(UpdateGroup.Average.name(parameter.name()));
            compare(session, average, step.getAsJsonObject("averages"), parameter);
          }
        }
      }
    }
  }

  /** The steps that update, without those that find the gradients. */
  private static Plan plan(JsonObject recorded) {
    Plan whole =
        Planner.plan(
            NETWORK,
            BatchSpec.unit(Shape.of(1, 2, 2), 2, 2),
            1,
            Precision.FP32,
            new Purpose.Training(Optional.of(learning(recorded)), 0));
    List<Step> updates =
        whole.steps().stream().filter(step -> step.layer().equals("update")).toList();
    Set<TensorSpec> kept =
        updates.stream().flatMap(step -> step.reads().stream()).collect(Collectors.toSet());
    return new Plan("update", 1, Precision.FP32, updates, kept);
  }

  /** As they stand in the network: groups mix them. */
  private static List<TensorSpec> parameters(Plan plan) {
    return Stream.of("1.weight", "1.bias", "3.weight", "3.bias").map(plan::tensor).toList();
  }

  private static String recordedName(TensorSpec parameter) {
    return parameter.name().replaceFirst("^1", "0").replaceFirst("^3", "2");
  }

  private static Learning learning(JsonObject recorded) {
    JsonObject settings = recorded.getAsJsonObject("settings");
    JsonObject how = recorded.getAsJsonObject("how");
    float decay = number(settings, "weight_decay", 0);
    boolean decoupled = recorded.get("optimizer").getAsString().equals("adamw");
    JsonArray betas =
        settings.has("betas")
            ? settings.getAsJsonArray("betas")
            : new Gson().fromJson("[0.9, 0.999]", JsonArray.class);
    Optimizer optimizer =
        recorded.get("optimizer").getAsString().equals("sgd")
            ? new Sgd(number(settings, "momentum", 0), settings.has("nesterov"), decay)
            : new Adam(
                betas.get(0).getAsDouble(),
                betas.get(1).getAsDouble(),
                number(settings, "eps", 1e-8f),
                decay,
                decoupled);
    return new Learning(
        optimizer,
        new Learning.Factors(
            number(how, "bias_rate", 1),
            1,
            number(how, "last_rate", 1),
            how.has("decay_weights_only")),
        how.has("clip") ? Optional.of(number(how, "clip", 0)) : Optional.empty(),
        how.has("average") ? Optional.of(number(how, "average", 0)) : Optional.empty());
  }

  private static float number(JsonObject json, String name, float otherwise) {
    return json.has(name) ? json.get(name).getAsFloat() : otherwise;
  }

  private static float[] floats(JsonElement array) {
    List<JsonElement> values = new ArrayList<>(array.getAsJsonArray().asList());
    float[] floats = new float[values.size()];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = values.get(i).getAsFloat();
    }
    return floats;
  }

  private static void write(
      Session session, TensorSpec tensor, JsonObject values, TensorSpec parameter) {
    session.write(
        tensor, new HostTensor(tensor.shape(), floats(values.get(recordedName(parameter)))));
  }

  private static void compare(
      Session session, TensorSpec tensor, JsonObject values, TensorSpec parameter) {
    float[] expected = floats(values.get(recordedName(parameter)));
    float[] actual = session.read(tensor).values();
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], actual[i], TOLERANCE, tensor.name() + "[" + i + "]");
    }
  }

  @Test
  void oneCycleGoesAsPyTorchs() {
    List<JsonObject> cycles =
        cases().filter(one -> one.getAsJsonObject("how").has("one_cycle")).toList();
    assertEquals(1, cycles.size());
    float warmUp = cycles.get(0).getAsJsonObject("how").get("one_cycle").getAsFloat();
    float[] rates = floats(cycles.get(0).get("rates"));
    Schedule schedule = new Schedule.OneCycle(RECORDED.get("rate").getAsFloat(), warmUp);
    for (int step = 0; step < rates.length; step++) {
      assertEquals(rates[step], schedule.rate(step, rates.length), 1e-6f * rates[step]);
    }
    assertTrue(rates[1] > rates[0] && rates[5] < rates[2]);
  }
}
