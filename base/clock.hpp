// Time as the project sees it; public, since a host may supply its own.
#pragma once

#include "sluice/clock.hpp"
