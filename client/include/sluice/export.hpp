// SLUICE_EXPORT marks what a program that links the library may use; everything else is compiled
// with hidden visibility and does not leave it.
#pragma once

#define SLUICE_EXPORT __attribute__((visibility("default")))
