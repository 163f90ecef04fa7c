# What users link: the layers' objects put together, as an archive and as a shared library.
#
#   sluice_library(client OUTPUT sluice_client LAYERS client protocol base LIBS ZLIB::ZLIB …)
#
# makes sluice_client_static, sluice_client_shared and sluice::client, which is one of them as
# BUILD_SHARED_LIBS says: the same name that the installed package gives. The version of the ABI is
# MAJOR.MINOR while MAJOR is 0.
function(sluice_library name)
  cmake_parse_arguments(arg "" "OUTPUT" "LAYERS;LIBS" ${ARGN})
  list(TRANSFORM arg_LAYERS REPLACE "(.+)" "$<TARGET_OBJECTS:sluice_\\1>" OUTPUT_VARIABLE objects)
  set(abi ${PROJECT_VERSION_MAJOR})
  if(abi EQUAL 0)
    set(abi 0.${PROJECT_VERSION_MINOR})
  endif()
  set(symbols ${PROJECT_SOURCE_DIR}/cmake/sluice.map)

  foreach(kind IN ITEMS static shared)
    set(target sluice_${name}_${kind})
    string(TOUPPER ${kind} type)
    add_library(${target} ${type} ${objects})
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${arg_OUTPUT}
      EXPORT_NAME ${name}_${kind} LINKER_LANGUAGE CXX)
    target_include_directories(${target} INTERFACE
      $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/client/include> $<INSTALL_INTERFACE:include>)
    target_compile_features(${target} INTERFACE cxx_std_23)
    target_link_libraries(${target} PRIVATE ${arg_LIBS})
    if(NOT PROJECT_IS_TOP_LEVEL)
      set_target_properties(${target} PROPERTIES EXCLUDE_FROM_ALL ON)
    endif()
  endforeach()
  set_target_properties(sluice_${name}_shared PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${abi}
    LINK_DEPENDS ${symbols})
  target_link_options(sluice_${name}_shared PRIVATE LINKER:--version-script=${symbols}
    LINKER:--gc-sections LINKER:--as-needed LINKER:--icf=safe LINKER:-z,pack-relative-relocs)
  if(BUILD_SHARED_LIBS)
    add_library(sluice::${name} ALIAS sluice_${name}_shared)
  else()
    add_library(sluice::${name} ALIAS sluice_${name}_static)
  endif()
endfunction()
