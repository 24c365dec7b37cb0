#!/bin/sh
# Makes the recordings anew that the product's tests repeat; takes minutes.
set -eu
cd "$(dirname "$0")"
mvn -q -B -f ../../.. -DskipTests package
mvn -q -B package
java --enable-native-access=ALL-UNNAMED -cp 'target/peer-libtorch.jar:target/lib/*:../../../target/nin4j.jar' \
  org.nin4j.bench.libtorch.RecordSteps ../../../src/test/resources/org/nin4j/recorded
