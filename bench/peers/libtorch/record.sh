#!/bin/sh
# Makes the recordings anew that the product's tests repeat, all or those named; takes minutes. With
# --full FOLDER, recordings of the networks in full size there, and repeats them with oneDNN.
set -eu
cd "$(dirname "$0")"
mvn -q -B -f ../../.. -DskipTests package
mvn -q -B package
product=../../../target
record() {
  java --enable-native-access=ALL-UNNAMED -cp "target/peer-libtorch.jar:target/lib/*:$product/nin4j.jar" \
    org.nin4j.bench.libtorch.RecordSteps "$@"
}
if [ "${1:-}" != --full ]; then
  record ../../../src/test/resources/org/nin4j/recorded "$@"
  exit
fi
mkdir -p "$2"
record "$@"
mvn -q -B -f ../../.. dependency:build-classpath -Dmdep.outputFile="$PWD/target/test.classpath"
java --enable-native-access=ALL-UNNAMED -cp "$product/test-classes:$product/classes:$(cat target/test.classpath)" \
  org.nin4j.backend.RepeatSteps onednn "$2"
