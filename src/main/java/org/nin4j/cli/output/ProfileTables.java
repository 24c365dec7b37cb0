package org.nin4j.cli.output;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.nin4j.text.Text;
import org.nin4j.train.diagnosis.Profile;
import org.nin4j.train.diagnosis.Profile.StepTime;
import org.nin4j.train.diagnosis.Profile.Total;
import org.nin4j.train.recipe.RecipeJson;

/** A profile for people: a table of steps, one of blocks, and what they add up to. */
public final class ProfileTables {
  private static final int STEP_WORDS = 3;

  /** Behind a step whose rate may be above the peak. */
  private static final String FEWER = "*";

  private final Profile profile;

  public ProfileTables(Profile profile) {
    this.profile = profile;
  }

  /** Prints the steps in the order given, then the sums. */
  public void print(PrintStream out, List<StepTime> steps) {
    out.println(
        Text.of(
            "measured: %,.1f GB/s to and from memory, %,.1f GFLOP/s in %s convolutions",
            profile.rates().bytesPerSecond() / 1e9,
            profile.rates().flopsPerSecond() / 1e9,
            RecipeJson.name(profile.plan().precision())));
    out.println();
    Table table =
        table(
            STEP_WORDS,
            "",
            "Layer",
            "Step",
            "Time µs",
            "Spread µs",
            "MB",
            "MFLOP",
            "GB/s",
            "GFLOP/s",
            "Peak %",
            "Floor µs",
            "Time/floor");
    for (StepTime s : steps) {
      List<String> row =
          new ArrayList<>(
              List.of(
                  String.valueOf(s.index()),
                  s.step().layer(),
                  kind(s),
                  microseconds(s.seconds()),
                  microseconds(s.spread())));
      row.addAll(work(s.seconds(), s.floor(), s.bytes(), s.flops()));
      table.add(row.toArray(String[]::new));
    }
    table.print(out);
    if (steps.stream().anyMatch(StepTime::multipliesLess)) {
      out.println(FEWER + " takes fewer multiplications than the FLOPs count");
    }
    out.println();
    printBlocks(out);
    printRun(out);
  }

  /** What it does, and how, where there are several ways. */
  private static String kind(StepTime s) {
    return s.step().kind()
        + s.way().map(way -> ", " + way).orElse("")
        + (s.multipliesLess() ? FEWER : "");
  }

  private void printBlocks(PrintStream out) {
    Table table =
        table(
            2,
            "",
            "Block",
            "Time µs",
            "Share %",
            "MB",
            "MFLOP",
            "GB/s",
            "GFLOP/s",
            "Peak %",
            "Floor µs",
            "Time/floor");
    Total all = profile.total();
    List<Total> rows = new ArrayList<>(profile.blocks());
    rows.add(all);
    for (Total t : rows) {
      List<String> row =
          new ArrayList<>(
              List.of(
                  "",
                  t.name() + (t.multipliesLess() ? FEWER : ""),
                  microseconds(t.seconds()),
                  Text.of("%.1f", 100 * t.seconds() / all.seconds())));
      row.addAll(work(t.seconds(), t.floor(), t.bytes(), t.flops()));
      table.add(row.toArray(String[]::new));
    }
    table.print(out);
    out.println();
  }

  private void printRun(PrintStream out) {
    double run = profile.runSeconds();
    out.println(
        Text.of(
            "a whole run of %d images: %s µs, %s (steps one by one: %s µs, %.2f times; floor: %s"
                + " µs)",
            profile.plan().batch(),
            microseconds(run),
            Quantities.speed(profile.plan().batch() / run),
            microseconds(profile.total().seconds()),
            profile.total().seconds() / run,
            microseconds(profile.total().floor())));
  }

  /** A number, then words, then numbers. */
  private static Table table(int words, String... titles) {
    List<Table.Side> sides = new ArrayList<>(Collections.nCopies(titles.length, Table.Side.RIGHT));
    Collections.fill(sides.subList(1, words), Table.Side.LEFT);
    return new Table(sides, titles);
  }

  private List<String> work(double seconds, double floor, long bytes, long flops) {
    double peak = profile.rates().flopsPerSecond();
    return List.of(
        Text.of("%,.3f", bytes / 1e6),
        flops == 0 ? "" : Text.of("%,.2f", flops / 1e6),
        rate(bytes, seconds),
        flops == 0 ? "" : rate(flops, seconds),
        flops == 0 || seconds == 0 ? "" : Text.of("%.1f", 100 * flops / seconds / peak),
        microseconds(floor),
        floor == 0 ? "" : Text.of("%.2f", seconds / floor));
  }

  /** In units of 10⁹ a second; nothing for what took no time, such as a change of shape alone. */
  private static String rate(long work, double seconds) {
    return seconds == 0 ? "" : Text.of("%,.1f", work / seconds / 1e9);
  }

  private static String microseconds(double seconds) {
    return Text.of("%,.1f", seconds * 1e6);
  }
}
