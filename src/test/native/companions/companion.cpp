// Libraries that come along with those we stand for, and of which nothing is called here.
extern "C" __attribute__((visibility("default"))) int stand_in_companion() { return 0; }
