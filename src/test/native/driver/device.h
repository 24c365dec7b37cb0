// Initialisation, devices and contexts.
#pragma once

namespace stand_in {

bool is_initialised();
bool has_current_context();
void reset_device();

}  // namespace stand_in
