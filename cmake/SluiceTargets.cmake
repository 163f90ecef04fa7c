# sluice_same_everywhere(TARGET): compiled without the names of our directories, so that ccache knows
# it again in another build (FetchContent, the tarball).
function(sluice_same_everywhere target)
  target_compile_options(${target} PRIVATE -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=
    -fdebug-prefix-map=${CMAKE_BINARY_DIR}=.)
endfunction()

# sluice_layer(NAME [LIBS...]): the static library sluice_NAME from every .cpp of the folder.
# Sources are globbed so that a new file needs no edit here. SECTIONS: one for each function and
# object, so that the linker of a library leaves out what nothing reaches.
function(sluice_layer name)
  cmake_parse_arguments(arg "SECTIONS" "" "EXCLUDE;PUBLIC;PRIVATE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  foreach(pattern IN LISTS arg_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX "${pattern}")
  endforeach()
  if(sources)
    add_library(sluice_${name} STATIC ${sources})
    # One compilation serves programs, archives and shared libraries: position-independent, with
    # nothing visible outside a library but what SLUICE_EXPORT marks.
    set_target_properties(sluice_${name} PROPERTIES POSITION_INDEPENDENT_CODE ON
      CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
    sluice_same_everywhere(sluice_${name})
    if(arg_SECTIONS)
      target_compile_options(sluice_${name} PRIVATE -ffunction-sections -fdata-sections)
    endif()
    target_include_directories(sluice_${name} PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/client/include)
    target_link_libraries(sluice_${name} PUBLIC ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
  else()
    add_library(sluice_${name} INTERFACE)
    target_include_directories(sluice_${name} INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/client/include)
    target_link_libraries(sluice_${name} INTERFACE ${arg_PUBLIC} ${arg_PRIVATE})
  endif()
endfunction()

# sluice_test(NAME DIR LIBS...): one GoogleTest binary from every *_test.cpp below DIR; each TEST is
# one ctest entry, so that they run in parallel.
include(GoogleTest)
function(sluice_test name directory)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${directory}/*_test.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE ${ARGN} GTest::gmock GTest::gtest GTest::gtest_main)
  math(EXPR seconds "300 * ${SLUICE_TEST_TIME_FACTOR}")
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT ${seconds})
endfunction()
