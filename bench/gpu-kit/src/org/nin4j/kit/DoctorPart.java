package org.nin4j.kit;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.nin4j.backend.cuda.natives.doctor.Doctor;
import org.nin4j.backend.cuda.natives.doctor.Gpu;
import org.nin4j.backend.cuda.natives.doctor.Report;
import org.nin4j.backend.cuda.natives.search.CudaLibrary;
import org.nin4j.backend.cuda.natives.search.SearchPlaces;

/** Whether the GPU can be used, and which one it is. */
final class DoctorPart {
  private static final String QUERY =
      "name,driver_version,power.limit,clocks.max.sm,clocks.max.memory,persistence_mode";

  private DoctorPart() {}

  static List<Figure> figures(Room room) {
    return List.of(
        new Figure("machine", DoctorPart::machine), new Figure("nvidia-smi", DoctorPart::clocks));
  }

  private static void machine(Room room, Findings findings) {
    Report report = Doctor.examine(SearchPlaces.ofThisMachine(room.libraries()));
    report.lines().forEach(System.out::println);
    Map<String, Object> machine = new LinkedHashMap<>();
    Optional<Gpu> gpu =
        report.driver().stream().flatMap(d -> d.gpus().stream()).filter(Gpu::supported).findFirst();
    gpu.ifPresent(
        g -> {
          machine.put("gpu", g.name());
          machine.put("computeCapability", g.computeMajor() + "." + g.computeMinor());
          machine.put("memoryBytes", g.memoryBytes());
        });
    report.found().driverVersion().ifPresent(v -> machine.put("driver", v.toString()));
    report.driver().ifPresent(d -> machine.put("driverRunsCuda", d.cuda().toString()));
    report
        .versions()
        .ifPresent(
            v -> {
              machine.put("nvrtc", v.nvrtc().toString());
              machine.put("cublas", v.cublas().toString());
              machine.put("cudnn", v.cudnn().toString());
            });
    report
        .found()
        .set()
        .ifPresent(
            set ->
                machine.put(
                    "libraries",
                    set.inLoadOrder().stream()
                        .map(CudaLibrary::path)
                        .map(Object::toString)
                        .toList()));
    machine.put("java", System.getProperty("java.vm.version"));
    machine.put("kernel", System.getProperty("os.version"));
    machine.put("processors", Runtime.getRuntime().availableProcessors());
    machine.put("maxHeapBytes", Runtime.getRuntime().maxMemory());
    machine.forEach(findings::put);
    if (report.usable()) {
      String name = gpu.map(Gpu::toString).orElse("");
      findings.put("usable", true, name + ", CUDA up to " + machine.get("driverRunsCuda"));
    } else {
      findings.wrong(
          "usable", report.verdict() + ". To mend it: " + report.problems().get(0).remedy());
    }
  }

  private static void clocks(Room room, Findings findings) throws IOException {
    new Program(List.of("nvidia-smi", "--query-gpu=" + QUERY, "--format=csv,noheader"))
        .output(30)
        .ifPresent(line -> findings.put("nvidiaSmi (" + QUERY + ")", line));
  }
}
