# Debian 12 packages; `./dev` installs them. Only what the chosen parts need is looked for. Found
# targets are global, so that a project that took sluice in with FetchContent can link them too.
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)
if(SLUICE_PORTABLE)
  include(SluicePortable)
endif()
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

# What the client library links, and what its compilation needs besides.
find_package(Boost 1.81 REQUIRED)
find_package(ZLIB REQUIRED)
if(NOT TARGET Snappy::snappy)
  find_package(Snappy REQUIRED)
endif()
pkg_check_modules(liblz4 REQUIRED IMPORTED_TARGET GLOBAL liblz4)
pkg_check_modules(libzstd REQUIRED IMPORTED_TARGET GLOBAL libzstd)

if(SLUICE_BROKER)
  pkg_check_modules(liburing REQUIRED IMPORTED_TARGET GLOBAL liburing)
  pkg_check_modules(libxxhash REQUIRED IMPORTED_TARGET GLOBAL libxxhash)
  find_package(CLI11 REQUIRED)
  if(NOT TARGET tomlplusplus::tomlplusplus)
    find_package(tomlplusplus REQUIRED)
  endif()
endif()
if(SLUICE_PROGRAMS)
  if(NOT TARGET Boost::json)
    find_package(Boost 1.81 REQUIRED COMPONENTS json)
  endif()
  if(NOT SLUICE_PORTABLE)
    find_package(fmt REQUIRED)
    find_package(spdlog REQUIRED)
  endif()
  # For `sluice top`.
  find_path(SLUICE_CURSES_INCLUDE curses.h REQUIRED)
  find_library(SLUICE_CURSES ncursesw REQUIRED)
  find_library(SLUICE_TINFO tinfo REQUIRED)
  add_library(sluice_curses INTERFACE)
  target_include_directories(sluice_curses SYSTEM INTERFACE ${SLUICE_CURSES_INCLUDE})
  target_link_libraries(sluice_curses INTERFACE ${SLUICE_CURSES} ${SLUICE_TINFO})
  pkg_check_modules(re2 REQUIRED IMPORTED_TARGET GLOBAL re2)
endif()

# Asio is compiled once, in base/asio.cpp.
add_library(sluice_asio INTERFACE)
target_compile_definitions(sluice_asio INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_ARRAY)
target_link_libraries(sluice_asio INTERFACE Boost::headers Threads::Threads)
