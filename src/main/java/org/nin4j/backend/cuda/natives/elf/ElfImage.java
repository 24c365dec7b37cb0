package org.nin4j.backend.cuda.natives.elf;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.nin4j.text.Text;

/**
 * The dynamic-linking part of an x86-64 ELF shared library, with the place of each entry in the
 * file: what {@link ElfFile} reads and {@link Retargeting} rewrites.
 *
 * <p>Sources: System V Application Binary Interface, chapters 4 and 5 (header, segments, dynamic
 * section, hash table); Linux Standard Base Core 5.0, section 10.7 (symbol versions).
 */
final class ElfImage {
  private static final int HEADER_SIZE = 64;
  private static final int SEGMENT_SIZE = 56;
  private static final int DYNAMIC_SIZE = 16;
  private static final int SYMBOL_SIZE = 24;
  private static final int VERSION_NEED_SIZE = 16;
  private static final int VERSION_DEFINITION_SIZE = 20;

  private static final int MACHINE_X86_64 = 62;
  private static final int TYPE_SHARED_OBJECT = 3;
  private static final int SEGMENT_LOAD = 1;
  private static final int SEGMENT_DYNAMIC = 2;

  private static final long DT_NULL = 0;
  static final long DT_NEEDED = 1;
  private static final long DT_HASH = 4;
  private static final long DT_STRTAB = 5;
  private static final long DT_SYMTAB = 6;
  private static final long DT_STRSZ = 10;
  static final long DT_SONAME = 14;
  static final long DT_RPATH = 15;
  static final long DT_RUNPATH = 29;
  private static final long DT_GNU_HASH = 0x6ffffef5L;
  private static final long DT_VERDEF = 0x6ffffffcL;
  private static final long DT_VERDEFNUM = 0x6ffffffdL;
  private static final long DT_VERNEED = 0x6ffffffeL;
  private static final long DT_VERNEEDNUM = 0x6fffffffL;
  static final long DT_AUXILIARY = 0x7ffffffdL;
  static final long DT_FILTER = 0x7fffffffL;

  /** More entries of one kind than any real library has: a chain that long is a damaged one. */
  private static final long MOST_ENTRIES = 1 << 20;

  private static final Map<Integer, String> MACHINES =
      Map.of(3, "i386", 21, "ppc64", 22, "s390x", 40, "32-bit Arm", 183, "aarch64", 243, "RISC-V");

  /** A piece of the file and the address at which it is mapped, in bytes. */
  private record Segment(long fileOffset, long address, long size) {}

  /** One entry of the dynamic section. */
  private record Dynamic(long tag, long value) {}

  /** One version wanted of a library: the entry's place in the file, its name in the strings. */
  record VersionName(long entryOffset, int hash, long name) {}

  /** The versions wanted of one library, whose soname is at {@code file} in the strings. */
  record VersionNeed(long file, List<VersionName> names) {}

  private final ElfSource source;
  private final List<Segment> segments;
  private final List<Dynamic> dynamic;
  private final long stringsOffset;
  private final ByteBuffer strings;
  private final List<VersionNeed> versionNeeds;
  private final List<Long> versionDefinitions;

  /**
   * Reads the entries.
   *
   * @throws ElfException if the file is damaged, or no shared library for x86-64
   */
  ElfImage(ElfSource source) throws IOException {
    this.source = source;
    ByteBuffer header = checkedHeader(source);
    List<Segment> loaded = new ArrayList<>();
    Segment dynamicSegment = null;
    for (ByteBuffer segment : segmentHeaders(source, header)) {
      int type = segment.getInt(0);
      Segment place = new Segment(segment.getLong(8), segment.getLong(16), segment.getLong(32));
      if (type == SEGMENT_LOAD) {
        loaded.add(place);
      } else if (type == SEGMENT_DYNAMIC) {
        dynamicSegment = place;
      }
    }
    if (dynamicSegment == null) {
      throw ElfException.damaged("it has no dynamic section");
    }
    segments = List.copyOf(loaded);
    dynamic = readDynamic(dynamicSegment);
    long size = required(DT_STRSZ, "size of the string table");
    stringsOffset = fileOffset(required(DT_STRTAB, "string table"), size);
    strings = source.read(stringsOffset, size);
    if (size == 0 || strings.get((int) size - 1) != 0) {
      throw ElfException.damaged("its string table has no end");
    }
    versionNeeds = readVersionNeeds();
    versionDefinitions = readVersionDefinitions();
  }

  /** Hash of a version or symbol name (System V ABI, chapter 5, "Hash Table"). */
  static int hash(String name) {
    int hash = 0;
    for (byte character : name.getBytes(StandardCharsets.ISO_8859_1)) {
      hash = (hash << 4) + (character & 0xff);
      int high = hash & 0xf0000000;
      hash = (hash ^ (high >>> 24)) & ~high;
    }
    return hash;
  }

  List<VersionNeed> versionNeeds() {
    return versionNeeds;
  }

  /** The names of the versions defined, as places in the strings; the file's own comes first. */
  List<Long> versionDefinitions() {
    return versionDefinitions;
  }

  /** Where in the file the dynamic string table starts. */
  long stringsOffset() {
    return stringsOffset;
  }

  /** Whether a string starts at this place: at the table's start, or behind another's end. */
  boolean startsString(long place) {
    return place == 0 || strings.get((int) place - 1) == 0;
  }

  String string(long place) throws ElfException {
    if (place < 0 || place >= strings.limit()) {
      throw ElfException.damaged("a name lies outside its string table");
    }
    int end = (int) place;
    while (strings.get(end) != 0) {
      end++;
    }
    byte[] text = new byte[end - (int) place];
    strings.get((int) place, text);
    return new String(text, StandardCharsets.ISO_8859_1);
  }

  /** The places in the strings of all dynamic symbols' names. */
  List<Long> symbolNames() throws IOException {
    long count = symbolCount();
    Optional<Long> table = value(DT_SYMTAB);
    if (count == 0 || table.isEmpty()) {
      return List.of();
    }
    ByteBuffer symbols = atAddress(table.get(), count * SYMBOL_SIZE);
    List<Long> names = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      names.add(Integer.toUnsignedLong(symbols.getInt(i * SYMBOL_SIZE)));
    }
    return names;
  }

  private static ByteBuffer checkedHeader(ElfSource source) throws IOException {
    ByteBuffer identification;
    try {
      identification = source.read(0, HEADER_SIZE);
    } catch (ElfException tooShort) {
      throw ElfException.damaged("it is no ELF file: it ends before its header does");
    }
    if (identification.getInt(0) != 0x464c457f) {
      throw ElfException.damaged("it is no ELF file");
    }
    // The machine number is read before class and byte order are judged, for the message.
    boolean littleEndian = identification.get(5) == 1;
    int machine = identification.getShort(18);
    machine = (littleEndian ? machine : Short.reverseBytes((short) machine)) & 0xffff;
    if (machine != MACHINE_X86_64 || identification.get(4) != 2 || !littleEndian) {
      String name =
          machine == MACHINE_X86_64
              ? "x86-64 code in 32-bit form"
              : MACHINES.getOrDefault(machine, "machine number " + machine);
      throw new ElfException(
          ElfException.Kind.WRONG_ARCHITECTURE, "it is built for " + name + ", not for x86-64");
    }
    if (identification.getShort(16) != TYPE_SHARED_OBJECT) {
      throw ElfException.damaged("it is an ELF file, but no shared library");
    }
    return identification;
  }

  private static List<ByteBuffer> segmentHeaders(ElfSource source, ByteBuffer header)
      throws IOException {
    long offset = header.getLong(32);
    int entrySize = header.getShort(54) & 0xffff;
    int count = header.getShort(56) & 0xffff;
    if (entrySize != SEGMENT_SIZE || count == 0) {
      throw ElfException.damaged("it has no program headers");
    }
    ByteBuffer table = source.read(offset, (long) count * SEGMENT_SIZE);
    List<ByteBuffer> headers = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      headers.add(table.slice(i * SEGMENT_SIZE, SEGMENT_SIZE).order(table.order()));
    }
    return headers;
  }

  private List<Dynamic> readDynamic(Segment segment) throws IOException {
    ByteBuffer table = source.read(segment.fileOffset(), segment.size());
    List<Dynamic> entries = new ArrayList<>();
    while (table.remaining() >= DYNAMIC_SIZE) {
      Dynamic entry = new Dynamic(table.getLong(), table.getLong());
      if (entry.tag() == DT_NULL) {
        return List.copyOf(entries);
      }
      entries.add(entry);
    }
    throw ElfException.damaged("its dynamic section has no end");
  }

  private List<VersionNeed> readVersionNeeds() throws IOException {
    List<VersionNeed> needs = new ArrayList<>();
    Optional<Long> start = value(DT_VERNEED);
    if (start.isEmpty()) {
      return needs;
    }
    long count = checkedCount(required(DT_VERNEEDNUM, "number of version needs"));
    long address = start.get();
    for (long i = 0; i < count; i++) {
      ByteBuffer need = atAddress(address, VERSION_NEED_SIZE);
      List<VersionName> names = new ArrayList<>();
      long nameAddress = address + Integer.toUnsignedLong(need.getInt(8));
      for (int left = need.getShort(2) & 0xffff; left > 0; left--) {
        ByteBuffer name = atAddress(nameAddress, VERSION_NEED_SIZE);
        names.add(
            new VersionName(
                fileOffset(nameAddress, VERSION_NEED_SIZE),
                name.getInt(0),
                checkedString(name.getInt(8))));
        nameAddress += step(name.getInt(12), left > 1);
      }
      needs.add(new VersionNeed(checkedString(need.getInt(4)), List.copyOf(names)));
      address += step(need.getInt(12), i < count - 1);
    }
    return List.copyOf(needs);
  }

  private List<Long> readVersionDefinitions() throws IOException {
    List<Long> names = new ArrayList<>();
    Optional<Long> start = value(DT_VERDEF);
    if (start.isEmpty()) {
      return names;
    }
    long count = checkedCount(required(DT_VERDEFNUM, "number of version definitions"));
    long address = start.get();
    for (long i = 0; i < count; i++) {
      ByteBuffer definition = atAddress(address, VERSION_DEFINITION_SIZE);
      // The first name is the version's own; further ones are its predecessors.
      ByteBuffer name = atAddress(address + Integer.toUnsignedLong(definition.getInt(12)), 8);
      names.add(checkedString(name.getInt(0)));
      address += step(definition.getInt(16), i < count - 1);
    }
    return List.copyOf(names);
  }

  private long symbolCount() throws IOException {
    Optional<Long> table = value(DT_HASH);
    if (table.isPresent()) {
      return checkedCount(Integer.toUnsignedLong(atAddress(table.get(), 8).getInt(4)));
    }
    Optional<Long> gnuTable = value(DT_GNU_HASH);
    return gnuTable.isPresent() ? symbolCountOfGnuHash(gnuTable.get()) : 0;
  }

  /** GNU's hash table states no count: the last chain's end is the last symbol. */
  private long symbolCountOfGnuHash(long address) throws IOException {
    ByteBuffer head = atAddress(address, 16);
    long buckets = checkedCount(Integer.toUnsignedLong(head.getInt(0)));
    long firstSymbol = checkedCount(Integer.toUnsignedLong(head.getInt(4)));
    long bloomWords = checkedCount(Integer.toUnsignedLong(head.getInt(8)));
    long bucketsAt = address + 16 + 8 * bloomWords;
    ByteBuffer starts = atAddress(bucketsAt, 4 * buckets);
    long last = 0;
    while (starts.hasRemaining()) {
      last = Math.max(last, Integer.toUnsignedLong(starts.getInt()));
    }
    if (last < firstSymbol) {
      return firstSymbol;
    }
    long chainsAt = bucketsAt + 4 * buckets;
    while ((atAddress(chainsAt + 4 * (last - firstSymbol), 4).getInt(0) & 1) == 0) {
      last = checkedCount(last + 1);
    }
    return last + 1;
  }

  private Optional<Long> value(long tag) {
    return dynamic.stream().filter(entry -> entry.tag() == tag).map(Dynamic::value).findFirst();
  }

  private long required(long tag, String what) throws ElfException {
    return value(tag)
        .orElseThrow(() -> ElfException.damaged("its dynamic section lacks the " + what));
  }

  private static long checkedCount(long count) throws ElfException {
    if (count < 0 || count > MOST_ENTRIES) {
      throw ElfException.damaged("it announces " + count + " entries in one table");
    }
    return count;
  }

  /** The distance to the next entry of a chain; 0 may only stand in the last. */
  private static long step(int distance, boolean moreToCome) throws ElfException {
    if (moreToCome && distance == 0) {
      throw ElfException.damaged("a chain of version entries ends early");
    }
    return Integer.toUnsignedLong(distance);
  }

  private long checkedString(int place) throws ElfException {
    long unsigned = Integer.toUnsignedLong(place);
    string(unsigned);
    return unsigned;
  }

  private ByteBuffer atAddress(long address, long length) throws IOException {
    return source.read(fileOffset(address, length), length);
  }

  private long fileOffset(long address, long length) throws ElfException {
    for (Segment segment : segments) {
      long inside = address - segment.address();
      if (address >= segment.address() && inside <= segment.size() - length && length >= 0) {
        return segment.fileOffset() + inside;
      }
    }
    throw ElfException.damaged(
        Text.of("it refers to address 0x%x, which it does not load", address));
  }

  /** The values, as places in the strings, of the dynamic entries with one of these tags. */
  List<Long> stringPlaces(Set<Long> tags) {
    return dynamic.stream()
        .filter(entry -> tags.contains(entry.tag()))
        .map(Dynamic::value)
        .toList();
  }
}
