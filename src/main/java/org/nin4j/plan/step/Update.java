package org.nin4j.plan.step;

import java.util.List;
import java.util.stream.Stream;

/** Changes parameters by their gradients; the rate is the session's for this step. */
public sealed interface Update extends Step permits SgdUpdate, AdamUpdate {
  /** What is updated. */
  UpdateGroup group();

  /** What the optimizer remembers of the parameters, each kind of memory in their order. */
  List<List<TensorSpec>> states();

  @Override
  default String layer() {
    return "update";
  }

  @Override
  default List<TensorSpec> reads() {
    return group().reads(states());
  }

  @Override
  default List<TensorSpec> writes() {
    return group().writes(states());
  }

  /** Everything that lies side by side in the parameters' order, one list for each region. */
  default Stream<List<TensorSpec>> regions() {
    return Stream.of(
            Stream.of(group().parameters(), group().gradients()),
            states().stream(),
            group().average().stream().map(UpdateGroup.Average::values))
        .flatMap(s -> s);
  }
}
