// The one error type and the one result type of the project; public, since callers see them.
#pragma once

#include "sluice/result.hpp"
