# Debian 12 packages; `./dev` installs them.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(ZLIB REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(spdlog REQUIRED)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(tomlplusplus QUIET)
foreach(name IN ITEMS liburing liblz4 libzstd snappy libxxhash)
  if(name STREQUAL snappy)
    find_package(Snappy REQUIRED)
  else()
    pkg_check_modules(${name} REQUIRED IMPORTED_TARGET ${name})
  endif()
endforeach()

# Asio is compiled once, in base/asio.cpp.
add_library(sluice_asio INTERFACE)
target_compile_definitions(sluice_asio INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_ARRAY)
target_link_libraries(sluice_asio INTERFACE Boost::headers Threads::Threads)
