/** ELF shared libraries: what they say to the dynamic linker, and how to change it. */
package org.nin4j.backend.cuda.natives.elf;
