package org.nin4j.interop;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.Python;
import org.nin4j.model.Network;
import org.nin4j.model.zoo.Networks;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;

/**
 * PyTorch's modules of the same networks load what we write, and we what they write. Needs a Python
 * with torch and safetensors: {@code $NIN4J_PYTHON}, else {@code python3}.
 */
class PyTorchTest {
  @TempDir private Path folder;

  @Test
  void everyNetworkGivesTheSameLogitsOnBothSides() throws Exception {
    Python.require("torch", "safetensors.torch");
    List<String> arguments = new ArrayList<>(List.of("check", folder.toString()));
    for (String name : Networks.NAMES) {
      ZooCase one = ZooCase.of(name);
      PyTorchWeights.write(one.network(), folder.resolve(name + ".safetensors"));
      PyTorchWeights.write(
          folder.resolve(name + ".images.safetensors"),
          Map.of(),
          Set.of(),
          Map.of("images", one.images()));
      arguments.add(name);
    }
    Python.run(PyTorchTest.class, "book.py", folder, arguments).forEach(System.out::println);
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
}
