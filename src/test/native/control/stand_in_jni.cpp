// The native methods of org.nin4j.standin.StandIn: stand_in.h for Java.
#include <jni.h>

#include <string>

#include "stand_in.h"

namespace {

std::string text_of(JNIEnv* env, jstring text) {
  const char* bytes = env->GetStringUTFChars(text, nullptr);
  std::string copy(bytes ? bytes : "");
  env->ReleaseStringUTFChars(text, bytes);
  return copy;
}

}  // namespace

#define NATIVE(TYPE, NAME) \
  extern "C" JNIEXPORT TYPE JNICALL Java_org_nin4j_standin_StandIn_##NAME

NATIVE(void, resetNative)(JNIEnv*, jclass) { standin_reset(); }
NATIVE(jint, setNative)(JNIEnv* env, jclass, jstring name, jstring value) {
  return standin_set(text_of(env, name).c_str(), text_of(env, value).c_str());
}
NATIVE(jlong, callsNative)(JNIEnv*, jclass) { return standin_calls(); }
NATIVE(jlong, callsOfNative)(JNIEnv* env, jclass, jstring function) {
  return standin_calls_of(text_of(env, function).c_str());
}
NATIVE(void, failNative)(JNIEnv* env, jclass, jstring function, jlong n, jint code) {
  standin_fail(text_of(env, function).c_str(), n, code);
}
NATIVE(void, failAtNative)(JNIEnv*, jclass, jlong n) { standin_fail_at(n); }
NATIVE(void, loseDeviceAtNative)(JNIEnv*, jclass, jlong n) { standin_lose_device_at(n); }
NATIVE(jstring, failedFunctionNative)(JNIEnv* env, jclass) {
  return env->NewStringUTF(standin_failed_function());
}
NATIVE(jlong, liveNative)(JNIEnv* env, jclass, jstring kind) {
  return standin_live(text_of(env, kind).c_str());
}
NATIVE(jlong, leakedNative)(JNIEnv* env, jclass, jstring kind) {
  return standin_leaked(text_of(env, kind).c_str());
}
NATIVE(jstring, liveReportNative)(JNIEnv* env, jclass) {
  return env->NewStringUTF(standin_live_report());
}
NATIVE(jstring, leakReportNative)(JNIEnv* env, jclass) {
  return env->NewStringUTF(standin_leak_report());
}
NATIVE(jlong, memoryUsedNative)(JNIEnv*, jclass) { return standin_memory_used(); }
NATIVE(jlong, memoryPeakNative)(JNIEnv*, jclass) { return standin_memory_peak(); }
NATIVE(jstring, messageNative)(JNIEnv* env, jclass) { return env->NewStringUTF(standin_message()); }
