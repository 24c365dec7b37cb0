# Reads what ptxas -v said and prints, for each kernel, registers and bytes of static shared memory
# by architecture. Fails if a kernel spills registers or uses a stack.

/Compiling entry function/ {
  split($0, quoted, "'")
  kernel = quoted[2]
  arch = quoted[4]
  if (!(arch in arch_seen)) {
    arch_seen[arch] = 1
    archs[++arch_count] = arch
  }
  if (!(kernel in kernel_seen)) {
    kernel_seen[kernel] = 1
    kernels[++kernel_count] = kernel
  }
}

/bytes stack frame/ {
  # A line for each function: stack frame, spill stores, spill loads.
  if ($1 + $5 + $9 > 0) {
    spilled[++spill_count] = sprintf("%s on %s: %s", kernel, arch, $0)
  }
}

/Used [0-9]+ registers/ {
  for (i = 1; i < NF; i++) {
    if ($i == "Used") {
      registers[kernel, arch] = $(i + 1)
    }
    if ($(i + 1) == "bytes" && $(i + 2) ~ /^smem/) {
      shared[kernel, arch] = $i
    }
  }
}

END {
  printf "%-40s", "registers / shared bytes"
  for (a = 1; a <= arch_count; a++) {
    printf " %11s", archs[a]
  }
  printf "\n"
  for (k = 1; k <= kernel_count; k++) {
    printf "%-40s", kernels[k]
    for (a = 1; a <= arch_count; a++) {
      if ((kernels[k], archs[a]) in registers) {
        printf " %11s", registers[kernels[k], archs[a]] " / " (shared[kernels[k], archs[a]] + 0)
      } else {
        printf " %11s", "-"
      }
    }
    printf "\n"
  }
  for (s = 1; s <= spill_count; s++) {
    print "spill: " spilled[s]
  }
  printf "%d kernels for %d architectures, %d spills\n", kernel_count, arch_count, spill_count
  exit spill_count > 0
}
