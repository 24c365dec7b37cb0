package org.nin4j.interop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.model.Network;
import org.nin4j.model.zoo.Networks;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;

/**
 * PyTorch's modules of the same networks load what we write, and we what they write. Needs a Python
 * with torch and safetensors: {@code $NIN4J_PYTHON}, else {@code python3}.
 */
class PyTorchTest {
  private static final String PYTHON =
      Optional.ofNullable(System.getenv("NIN4J_PYTHON")).orElse("python3");

  @TempDir private Path folder;

  @Test
  void everyNetworkGivesTheSameLogitsOnBothSides() throws Exception {
    requirePyTorch();
    List<String> command =
        new ArrayList<>(List.of(PYTHON, script().toString(), "check", folder.toString()));
    for (String name : Networks.NAMES) {
      ZooCase one = ZooCase.of(name);
      PyTorchWeights.write(one.network(), folder.resolve(name + ".safetensors"));
      PyTorchWeights.write(
          folder.resolve(name + ".images.safetensors"),
          Map.of(),
          Set.of(),
          Map.of("images", one.images()));
      command.add(name);
    }
    assertEquals(0, run(command), "the script's exit code; what it says is above");
    for (String name : Networks.NAMES) {
      ZooCase one = ZooCase.of(name);
      Network network = one.network().network();
      Shape input = one.network().input();
      Map<String, HostTensor> theirs =
          PyTorchWeights.read(
              folder.resolve(name + ".theirs.safetensors"), network, input, List.of());
      HostTensor logits =
          ZooCase.logits(new PortableNetwork(network, input, theirs, Map.of()), one.images());
      try (TensorFile answers = TensorFile.open(folder.resolve(name + ".answers.safetensors"))) {
        ZooCase.assertClose("our " + name, one.logits().values(), answers.read("ours"), 1e-5);
        ZooCase.assertClose("their " + name, logits.values(), answers.read("theirs"), 1e-5);
      }
    }
  }

  private Path script() throws IOException {
    Path script = folder.resolve("book.py");
    Files.write(script, PyTorchTest.class.getResourceAsStream("book.py").readAllBytes());
    return script;
  }

  private static void requirePyTorch() throws InterruptedException {
    int code;
    try {
      code = run(List.of(PYTHON, "-c", "import torch, safetensors.torch"));
    } catch (IOException e) {
      code = -1;
    }
    if (code != 0) {
      String reason =
          PYTHON + " has no torch or safetensors; $NIN4J_PYTHON names another interpreter";
      System.out.println("skipped: " + reason);
      Assumptions.abort(reason);
    }
  }

  private static int run(List<String> command) throws IOException, InterruptedException {
    Path log = Files.createTempFile("python", ".log");
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(log.toFile())
              .start();
      assertTrue(process.waitFor(5, TimeUnit.MINUTES), "Python takes too long");
      if (command.contains("check")) {
        System.out.print(Files.readString(log));
      }
      return process.exitValue();
    } finally {
      Files.delete(log);
    }
  }
}
