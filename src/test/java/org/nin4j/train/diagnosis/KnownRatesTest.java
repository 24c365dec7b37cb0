package org.nin4j.train.diagnosis;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.backend.Backend;
import org.nin4j.backend.DeviceRates;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.plan.Precision;

class KnownRatesTest {
  private static final Backend BACKEND = new ReferenceBackend();

  @TempDir private Path folder;

  @Test
  void whatWasKeptLastIsFound() {
    Path cache = folder.resolve("new");
    assertEquals(Optional.empty(), KnownRates.find(cache, BACKEND, Precision.FP32));
    KnownRates.keep(cache, BACKEND, Precision.FP32, new DeviceRates(1, 2));
    KnownRates.keep(cache, BACKEND, Precision.BF16, new DeviceRates(3, 4));
    KnownRates.keep(cache, BACKEND, Precision.FP32, new DeviceRates(5, 1e9 / 3));
    assertEquals(
        Optional.of(new DeviceRates(5, 1e9 / 3)), KnownRates.find(cache, BACKEND, Precision.FP32));
    assertEquals(
        Optional.of(new DeviceRates(3, 4)), KnownRates.find(cache, BACKEND, Precision.BF16));
  }

  @Test
  void whatMakesNoSenseIsNotKnownAndIsReplaced() throws IOException {
    for (String text : new String[] {"", "{", "[]", "{\"x\": 1}"}) {
      Files.writeString(folder.resolve("rates.json"), text);
      assertEquals(Optional.empty(), KnownRates.find(folder, BACKEND, Precision.FP32));
      KnownRates.keep(folder, BACKEND, Precision.FP32, new DeviceRates(1, 2));
      assertEquals(
          Optional.of(new DeviceRates(1, 2)), KnownRates.find(folder, BACKEND, Precision.FP32));
    }
    Path file = Files.writeString(folder.resolve("file"), "");
    KnownRates.keep(file, BACKEND, Precision.FP32, new DeviceRates(1, 2));
    assertEquals(Optional.empty(), KnownRates.find(file, BACKEND, Precision.FP32));
  }
}
