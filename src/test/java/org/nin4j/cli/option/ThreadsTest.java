package org.nin4j.cli.option;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ThreadsTest {
  private static final int CORES = 4;

  private static OptionalInt number(Integer value) {
    return value == null ? OptionalInt.empty() : OptionalInt.of(value);
  }

  @ParameterizedTest
  @CsvSource({
    ",, 4,",
    "4,, 4,",
    "2, 2, 2,",
    ", 3, 3,",
    "1000, 4, 4, '--threads 1000: there are 4 cores, so 4 threads'",
    "1000,, 4, '--threads 1000: there are 4 cores, so 4 threads'",
    "3, 2, 2, 'OMP_NUM_THREADS=2 wins over --threads 3'",
    "1000, 2, 2, 'OMP_NUM_THREADS=2 wins over --threads 1000'",
    ", 9, 4, 'OMP_NUM_THREADS=9 is more than the 4 cores: this will be slow'",
    "2,, 2, '--threads 2: oneDNN takes one thread for each of 4 cores unless OMP_NUM_THREADS is"
        + " set, as the launcher nin does'"
  })
  void theNumberIsBoundedAndSaid(Integer asked, Integer openMp, int count, String remark) {
    Threads threads = Threads.choose(number(asked), number(openMp), CORES);
    assertEquals(count, threads.count());
    assertEquals(remark == null ? List.of() : List.of(remark), threads.remarks());
  }

  @ParameterizedTest
  @ValueSource(ints = {0, -3})
  void thereIsAtLeastOne(int asked) {
    assertThrows(
        IllegalArgumentException.class,
        () -> Threads.choose(OptionalInt.of(asked), OptionalInt.of(2), CORES));
  }
}
