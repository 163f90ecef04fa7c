# The tarball of a portable build (SLUICE_PORTABLE): programs that need glibc alone, and what they
# read, in one directory that may lie anywhere. `cpack -G TGZ`, or ./dev tarball. The component
# `tarball` is left out by cmake --install.
include(SluicePackageFiles)
set(tarball COMPONENT tarball EXCLUDE_FROM_ALL)
sluice_example_configuration(${package_files}/sluice.toml)

# The licences of what is linked in, as Debian's packages have them.
set(notices ${package_files}/THIRD-PARTY.txt)
add_custom_command(OUTPUT ${notices}
  COMMAND sh ${PROJECT_SOURCE_DIR}/packaging/tarball/third_party.sh > ${notices}
  DEPENDS ${PROJECT_SOURCE_DIR}/packaging/tarball/third_party.sh VERBATIM)
add_custom_target(package_files ALL
  DEPENDS ${package_files}/sluice.toml ${package_files}/man.stamp ${completions} ${notices})

install(TARGETS sluiced sluice RUNTIME DESTINATION bin ${tarball})
install(FILES ${package_files}/sluice.toml DESTINATION etc ${tarball})
install(FILES ${PROJECT_SOURCE_DIR}/packaging/sluice.service
  ${PROJECT_SOURCE_DIR}/packaging/sluice.sysusers DESTINATION share/sluice ${tarball})
install(FILES ${PROJECT_SOURCE_DIR}/packaging/tarball/README ${PROJECT_SOURCE_DIR}/LICENSE
  ${PROJECT_SOURCE_DIR}/CHANGELOG.md ${notices} DESTINATION . ${tarball})
sluice_shell_files("" ${tarball})

set(CPACK_GENERATOR TGZ)
set(CPACK_PACKAGE_NAME sluice)
set(CPACK_COMPONENTS_ALL tarball)
set(CPACK_ARCHIVE_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_COMPONENT_INCLUDE_TOPLEVEL_DIRECTORY ON)
string(TOLOWER ${CMAKE_SYSTEM_NAME} system)
set(CPACK_PACKAGE_FILE_NAME sluice-${PROJECT_VERSION}-${system}-${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_STRIP_FILES ON)
include(CPack)
