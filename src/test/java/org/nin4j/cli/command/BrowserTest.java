package org.nin4j.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.cli.SmallTraining;
import org.nin4j.page.Browser;
import org.nin4j.text.Text;

/** The page in a browser, where there is one. */
@Timeout(value = 1200, unit = TimeUnit.SECONDS)
class BrowserTest {
  @TempDir private Path folder;

  private static final String PHASE = "document.getElementById('phase').textContent";

  @Test
  void aTrainingIsSeenPausedAndStopped() throws Exception {
    try (Browser browser = Browser.start();
        NinProcess nin = new NinProcess(folder, SmallTraining.endless("--ui", "0"))) {
      URI page = nin.page();
      browser.look(1600, 1200, false);
      browser.open(page);
      browser.await("document.querySelectorAll('#loss .curve').length > 0");
      browser.evaluate("window.before = state.curve.step.at(-1)");
      browser.await("state.curve.step.at(-1) > window.before");
      browser.await("document.querySelectorAll('#accuracy .curve').length === 3");
      browser.await("document.querySelectorAll('#confusion rect.right').length > 0");
      browser.await("document.querySelectorAll('#samples canvas').length === 12");
      browser.await(
          "[...document.querySelectorAll('#samples canvas')].some(c =>"
              + " c.getContext('2d').getImageData(0, 0, 8, 8).data.some((v, i) => i % 4 < 3 && v > 0))");
      browser.await("document.querySelectorAll('#steps .step').length > 10");
      browser.await("document.getElementById('basis').textContent.includes('measured: median')");
      browser.await("document.querySelectorAll('#runs tbody tr').length === 1");

      browser.evaluate("document.getElementById('pause').click()");
      browser.await(PHASE + " === 'paused'");
      assertEquals("Resume", browser.text("document.getElementById('pause').textContent"));
      requireFits(browser);
      browser.evaluate("window.before = state.curve.step.at(-1)");
      browser.evaluate("document.getElementById('pause').click()");
      browser.await("state.curve.step.at(-1) > window.before");
      assertEquals(List.of(), browser.problems());

      browser.evaluate("document.getElementById('stop').click()");
      assertEquals(130, nin.exitCode());
      // It waits for readers to see the end, but not for one that is kept from asking.
      browser.await(Text.of("['stopped', 'no answer'].includes(%s)", PHASE));
      requireOwn(browser, page);
    }
  }

  @Test
  void finishedRunsAreSeen() throws Exception {
    Path runs = folder.resolve("runs");
    try (Browser browser = Browser.start()) {
      for (int seed = 1; seed <= 2; seed++) {
        try (NinProcess nin =
            new NinProcess(
                folder,
                SmallTraining.command(
                    "--limit", "40", "--epochs", "2", "--seed", String.valueOf(seed)))) {
          assertEquals(0, nin.exitCode());
        }
      }
      try (NinProcess nin = new NinProcess(folder, "ui", runs.toString(), "--port", "0")) {
        URI page = nin.page();
        browser.open(page);
        browser.await("document.querySelectorAll('#runs tbody tr').length === 2");
        browser.await("document.querySelectorAll('#runs-accuracy .curve').length === 2");
        assertEquals("true", browser.text("document.getElementById('live').hidden"));
        assertEquals("true", browser.text("document.getElementById('controls').hidden"));
        browser.evaluate("document.querySelector('#runs input').click()");
        browser.await("document.querySelectorAll('#runs-accuracy .curve').length === 1");
        requireFits(browser);
        assertEquals(List.of(), browser.problems());
        requireOwn(browser, page);
      }
    }
  }

  /** Nothing is wider than the window, in no width and no colours. */
  private static void requireFits(Browser browser) throws Exception {
    for (int width : new int[] {400, 800, 1600}) {
      for (boolean dark : new boolean[] {false, true}) {
        browser.look(width, 900, dark);
        browser.await("window.innerWidth === " + width);
        browser.await(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth");
      }
    }
  }

  /** The page asked for nothing that is not its own. */
  private static void requireOwn(Browser browser, URI page) {
    List<String> others =
        browser.requests().stream()
            .filter(url -> !url.startsWith(page.toString()) && !url.startsWith("data:"))
            .toList();
    assertEquals(List.of(), others);
    assertTrue(browser.requests().size() > 3);
  }
}
