# SLUICE_PORTABLE: programs that need nothing of a machine but glibc: every other library is linked
# as its archive, and those that Debian has no archive of (fmt, spdlog, toml++) are compiled in from
# their headers. glibc stays shared: name lookups need its modules. Included before the dependencies
# are looked for; makes the targets whose packages would name a shared library.
set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
set(Boost_USE_STATIC_LIBS ON)
add_link_options(-static-libstdc++ -static-libgcc -Wl,--gc-sections)

# sluice_header_only(TARGET HEADER DEFINITIONS...): a library used by its headers alone.
function(sluice_header_only target header)
  string(MAKE_C_IDENTIFIER ${target} name)
  find_path(SLUICE_INCLUDE_${name} ${header} REQUIRED)
  add_library(${target} INTERFACE IMPORTED GLOBAL)
  target_compile_definitions(${target} INTERFACE ${ARGN})
endfunction()
sluice_header_only(fmt::fmt fmt/format.h FMT_HEADER_ONLY=1)
sluice_header_only(spdlog::spdlog spdlog/spdlog.h SPDLOG_FMT_EXTERNAL FMT_HEADER_ONLY=1)
sluice_header_only(tomlplusplus::tomlplusplus toml++/toml.h)

find_library(SLUICE_SNAPPY snappy REQUIRED)
add_library(Snappy::snappy INTERFACE IMPORTED GLOBAL)
target_link_libraries(Snappy::snappy INTERFACE ${SLUICE_SNAPPY})
