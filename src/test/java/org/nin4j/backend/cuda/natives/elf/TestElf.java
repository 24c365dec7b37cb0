package org.nin4j.backend.cuda.natives.elf;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A tiny ELF shared library, written byte by byte from the specification: no code, only names. */
public final class TestElf {
  private static final long LOAD_ADDRESS = 0x400000;

  private final ByteArrayOutputStream strings = new ByteArrayOutputStream();
  private final Map<String, Integer> places = new LinkedHashMap<>();
  private final List<long[]> dynamic = new ArrayList<>();
  private final List<Integer> symbols = new ArrayList<>();
  private final Map<String, List<String>> wants = new LinkedHashMap<>();
  private final List<String> defines = new ArrayList<>();
  private int machine = 62;
  private int elfClass = 2;
  private int type = 3;

  private TestElf() {
    strings.write(0);
    symbols.add(0);
  }

  public static TestElf empty() {
    return new TestElf();
  }

  /** A library with a soname that it also defines as its symbol version, as CUDA's do. */
  public static TestElf library(String soname) {
    return empty().entry(14, soname).defines(soname);
  }

  public TestElf entry(long tag, String text) {
    dynamic.add(new long[] {tag, place(text)});
    return this;
  }

  TestElf needs(String soname) {
    return entry(1, soname);
  }

  public TestElf wants(String soname, String... versions) {
    wants.put(soname, List.of(versions));
    return this;
  }

  public TestElf defines(String version) {
    defines.add(version);
    return this;
  }

  TestElf symbol(String name) {
    symbols.add(place(name));
    return this;
  }

  /** A symbol whose name is the tail of another string, as linkers merge them. */
  TestElf symbolInTailOf(String text, int skip) {
    symbols.add(place(text) + skip);
    return this;
  }

  public TestElf machine(int number) {
    machine = number;
    return this;
  }

  TestElf elfClass(int number) {
    elfClass = number;
    return this;
  }

  TestElf type(int number) {
    type = number;
    return this;
  }

  private int place(String text) {
    return places.computeIfAbsent(
        text,
        absent -> {
          int place = strings.size();
          strings.writeBytes((text + '\0').getBytes(StandardCharsets.ISO_8859_1));
          return place;
        });
  }

  public byte[] bytes() {
    byte[] versionNeeds = versionNeeds();
    byte[] versionDefinitions = versionDefinitions();
    byte[] names = strings.toByteArray();
    int stringsAt = 64 + 2 * 56;
    int symbolsAt = stringsAt + names.length;
    int hashAt = symbolsAt + 24 * symbols.size();
    int needsAt = hashAt + 8;
    int definitionsAt = needsAt + versionNeeds.length;
    int dynamicAt = definitionsAt + versionDefinitions.length;
    List<long[]> entries = new ArrayList<>(dynamic);
    entries.add(new long[] {5, LOAD_ADDRESS + stringsAt});
    entries.add(new long[] {10, names.length});
    entries.add(new long[] {6, LOAD_ADDRESS + symbolsAt});
    entries.add(new long[] {4, LOAD_ADDRESS + hashAt});
    if (!wants.isEmpty()) {
      entries.add(new long[] {0x6ffffffeL, LOAD_ADDRESS + needsAt});
      entries.add(new long[] {0x6fffffffL, wants.size()});
    }
    if (!defines.isEmpty()) {
      entries.add(new long[] {0x6ffffffcL, LOAD_ADDRESS + definitionsAt});
      entries.add(new long[] {0x6ffffffdL, defines.size()});
    }
    entries.add(new long[] {0, 0});
    int size = dynamicAt + 16 * entries.size();
    ByteBuffer file = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    file.putInt(0x464c457f).put((byte) elfClass).put((byte) 1).put((byte) 1).position(16);
    file.putShort((short) type).putShort((short) machine).putInt(1).putLong(0).putLong(64);
    file.position(52);
    file.putShort((short) 64).putShort((short) 56).putShort((short) 2).position(64);
    segment(file, 1, 0, size);
    segment(file, 2, dynamicAt, 16 * entries.size());
    file.put(names);
    symbols.forEach(name -> file.putInt(name).position(file.position() + 20));
    file.putInt(0).putInt(symbols.size());
    file.put(versionNeeds).put(versionDefinitions);
    entries.forEach(entry -> file.putLong(entry[0]).putLong(entry[1]));
    return file.array();
  }

  private static void segment(ByteBuffer file, int type, int offset, int size) {
    file.putInt(type).putInt(4).putLong(offset);
    file.putLong(LOAD_ADDRESS + offset).putLong(LOAD_ADDRESS + offset);
    file.putLong(size).putLong(size).putLong(8);
  }

  private byte[] versionNeeds() {
    ByteBuffer table = ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN);
    int left = wants.size();
    for (Map.Entry<String, List<String>> want : wants.entrySet()) {
      List<String> versions = want.getValue();
      table.putShort((short) 1).putShort((short) versions.size()).putInt(place(want.getKey()));
      table.putInt(16).putInt(--left > 0 ? 16 + 16 * versions.size() : 0);
      for (int i = 0; i < versions.size(); i++) {
        table.putInt(ElfImage.hash(versions.get(i))).putShort((short) 0).putShort((short) 2);
        table.putInt(place(versions.get(i))).putInt(i + 1 < versions.size() ? 16 : 0);
      }
    }
    return written(table);
  }

  private byte[] versionDefinitions() {
    ByteBuffer table = ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < defines.size(); i++) {
      table.putShort((short) 1).putShort((short) 0).putShort((short) 2).putShort((short) 1);
      table.putInt(ElfImage.hash(defines.get(i))).putInt(20);
      table.putInt(i + 1 < defines.size() ? 28 : 0);
      table.putInt(place(defines.get(i))).putInt(0);
    }
    return written(table);
  }

  private static byte[] written(ByteBuffer table) {
    byte[] bytes = new byte[table.position()];
    table.flip().get(bytes);
    return bytes;
  }
}
