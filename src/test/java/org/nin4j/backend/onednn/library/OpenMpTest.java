package org.nin4j.backend.onednn.library;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class OpenMpTest {
  private static final int CORES = 4;

  /** Each of these was seen to hang in a convolution. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "OMP_DYNAMIC=true",
        "OMP_DYNAMIC= TRUE",
        "OMP_THREAD_LIMIT=1",
        "OMP_THREAD_LIMIT=3",
        "OMP_MAX_ACTIVE_LEVELS=0"
      })
  void whatMayHangIsRefused(String setting) {
    String[] parts = setting.split("=");
    String obstacle = OpenMp.obstacle(Map.of(parts[0], parts[1]), CORES).orElseThrow();
    assertTrue(obstacle.startsWith(parts[0] + "="), obstacle);
    assertTrue(obstacle.contains("unset it"), obstacle);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "OMP_DYNAMIC=false",
        "OMP_THREAD_LIMIT=4",
        "OMP_MAX_ACTIVE_LEVELS=1",
        "OMP_WAIT_POLICY=active",
        "OMP_PROC_BIND=true"
      })
  void whatEndsIsNot(String setting) {
    String[] parts = setting.split("=");
    assertEquals(Optional.empty(), OpenMp.obstacle(Map.of(parts[0], parts[1]), CORES));
  }

  @Test
  void aLimitIsHeldAgainstTheThreadsAskedFor() {
    Map<String, String> two = Map.of("OMP_NUM_THREADS", "2", "OMP_THREAD_LIMIT", "2");
    assertEquals(Optional.empty(), OpenMp.obstacle(two, CORES));
  }

  @Test
  void bindingIsSaid() {
    assertEquals(1, OpenMp.remarks(Map.of("OMP_PLACES", "{0}")).size());
    assertTrue(
        OpenMp.remarks(Map.of("OMP_PROC_BIND", "close")).get(0).startsWith("OMP_PROC_BIND=close "));
    assertEquals(0, OpenMp.remarks(Map.of("OMP_PROC_BIND", "FALSE", "PATH", "/bin")).size());
  }

  @ParameterizedTest
  @CsvSource({"2, 2", "' 3,2', 3", "0,", "x,", "'',", "-1,", "99999999999,"})
  void theNumberIsReadAsOpenMpReadsIt(String value, Integer expected) {
    assertEquals(
        expected == null ? OptionalInt.empty() : OptionalInt.of(expected),
        OpenMp.threads(Map.of("OMP_NUM_THREADS", value)));
  }
}
