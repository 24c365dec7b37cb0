package org.nin4j.train.history;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class HistoryTest {
  private static EpochResult result(int epoch, double testAccuracy) {
    return new EpochResult(
        epoch, 1 / 3.0, 0.1, 2.5e-7, testAccuracy, 0.999, 12.25, 1e6 / 3, 0.005f, 17, 1);
  }

  private static final History THREE =
      new History(List.of(result(1, 0.5), result(2, 0.75), result(3, 0.75)));

  @Test
  void csvReadsBackExactly() {
    assertEquals(THREE, History.parseCsv(THREE.toCsv()));
    assertEquals(History.EMPTY, History.parseCsv(History.EMPTY.toCsv()));
  }

  @Test
  void csvHasALineForEachEpoch() {
    List<String> lines = THREE.toCsv().lines().toList();
    assertEquals(4, lines.size());
    assertTrue(lines.get(0).startsWith("epoch,train_loss,train_accuracy,test_loss,"));
    assertEquals(
        "1,0.3333333333333333,0.1,2.5E-7,0.5,0.999,12.25,333333.3333333333,0.005,17,1",
        lines.get(1));
  }

  @Test
  void theLastEpochIsTheOneAddedLast() {
    assertEquals(3, THREE.last().orElseThrow().epoch());
    assertEquals(Optional.empty(), History.EMPTY.last());
  }

  @Test
  void otherTextIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> History.parseCsv(""));
    assertThrows(
        IllegalArgumentException.class, () -> History.parseCsv(THREE.toCsv().replace(",17", "")));
  }
}
