package org.nin4j.train.rounds;

import java.util.Comparator;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.Predicate;
import org.nin4j.plan.Plan;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.HostTensor;
import org.nin4j.text.Text;

/**
 * Tensors one after the other in one array, which is what travels: by their names, since the order
 * of their first use may differ between devices.
 */
record Layout(List<TensorSpec> tensors) {
  static Layout of(Plan plan, Predicate<TensorSpec> which) {
    return new Layout(
        plan.tensors().stream()
            .filter(which)
            .sorted(Comparator.comparing(TensorSpec::name))
            .toList());
  }

  int size() {
    return Math.toIntExact(tensors.stream().mapToLong(t -> t.shape().elements()).sum());
  }

  float[] join(Function<TensorSpec, HostTensor> values) {
    float[] joined = new float[size()];
    int at = 0;
    for (TensorSpec tensor : tensors) {
      float[] part = values.apply(tensor).values();
      System.arraycopy(part, 0, joined, at, part.length);
      at += part.length;
    }
    return joined;
  }

  void split(float[] joined, BiConsumer<TensorSpec, HostTensor> taker) {
    if (joined.length != size()) {
      throw new IllegalArgumentException(
          Text.of("%d values come where %d are expected", joined.length, size()));
    }
    int at = 0;
    for (TensorSpec tensor : tensors) {
      HostTensor values = HostTensor.zeros(tensor.shape());
      System.arraycopy(joined, at, values.values(), 0, values.values().length);
      taker.accept(tensor, values);
      at += values.values().length;
    }
  }
}
