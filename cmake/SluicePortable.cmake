# SLUICE_PORTABLE: programs that need nothing of a machine but glibc: every other library is linked
# as its archive, and those that Debian has no archive of (fmt, spdlog, toml++) are compiled in from
# their headers. glibc stays shared: name lookups need its modules. Included before the dependencies
# are looked for; makes the targets whose packages would name a shared library. Their definitions
# are those of the shared libraries, which change nothing here, so that nearly everything is
# compiled as in any other build and ccache has it.
set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
add_link_options(-static-libstdc++ -static-libgcc -Wl,--gc-sections)

# sluice_archive(TARGET NAMES... [DEFINITIONS...]): a library as its archives, in the linker's order.
function(sluice_archive target)
  cmake_parse_arguments(arg "" "" "NAMES;DEFINITIONS" ${ARGN})
  add_library(${target} INTERFACE IMPORTED GLOBAL)
  foreach(name IN LISTS arg_NAMES)
    find_library(SLUICE_ARCHIVE_${name} ${name} REQUIRED)
    target_link_libraries(${target} INTERFACE ${SLUICE_ARCHIVE_${name}})
  endforeach()
  target_compile_definitions(${target} INTERFACE ${arg_DEFINITIONS})
endfunction()
sluice_archive(Snappy::snappy NAMES snappy)
sluice_archive(Boost::json NAMES boost_json boost_container
  DEFINITIONS BOOST_JSON_DYN_LINK BOOST_JSON_NO_LIB BOOST_CONTAINER_DYN_LINK BOOST_CONTAINER_NO_LIB)

# Libraries used by their headers alone.
add_library(fmt::fmt INTERFACE IMPORTED GLOBAL)
target_compile_definitions(fmt::fmt INTERFACE FMT_HEADER_ONLY=1)
add_library(spdlog::spdlog INTERFACE IMPORTED GLOBAL)
target_compile_definitions(spdlog::spdlog INTERFACE SPDLOG_FMT_EXTERNAL FMT_HEADER_ONLY=1)

# toml++ has its implementation in its header, for one file to compile.
file(WRITE ${PROJECT_BINARY_DIR}/toml.cpp "#define TOML_IMPLEMENTATION\n#include <toml++/toml.h>\n")
add_library(sluice_toml STATIC ${PROJECT_BINARY_DIR}/toml.cpp)
target_compile_options(sluice_toml PUBLIC -DTOML_HEADER_ONLY=0 -DTOML_SHARED_LIB=1)
add_library(tomlplusplus::tomlplusplus ALIAS sluice_toml)
