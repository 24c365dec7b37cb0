package org.nin4j.backend.cuda.device;

import jcuda.NativePointerObject;
import jcuda.Pointer;

/** Addresses as numbers, which JCuda keeps to itself and its subclasses. */
public final class Address {
  private static final class OfHandle extends NativePointerObject {
    OfHandle(NativePointerObject handle) {
      super(handle);
    }

    long value() {
      return getNativePointer();
    }
  }

  private static final class OfPlace extends Pointer {
    OfPlace(Pointer place) {
      super(place);
    }

    long value() {
      return getNativePointer() + getByteOffset();
    }
  }

  private Address() {}

  /** Of what a library made and a handle or descriptor stands for. */
  public static long ofHandle(NativePointerObject handle) {
    return new OfHandle(handle).value();
  }

  /** Of a place in native memory, host or device. */
  public static long ofPlace(Pointer place) {
    return new OfPlace(place).value();
  }
}
