# What the Debian package and the tarball hold beside the programs, made in package/ of the build
# directory by the target package_files: the commented configuration, compressed man pages,
# completions, the change log.
set(package_files ${PROJECT_BINARY_DIR}/package)
file(MAKE_DIRECTORY ${package_files})
find_program(GZIP gzip REQUIRED)

# The file with every key; only the data directory, when one is given, is not the default.
function(sluice_example_configuration output)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -E env --unset=SLUICE_CONFIG $<TARGET_FILE:sluiced>
      ${ARGN} config example > ${output}
    DEPENDS sluiced VERBATIM)
endfunction()

set(completions)
foreach(shell IN ITEMS bash zsh fish)
  add_custom_command(OUTPUT ${package_files}/completion.${shell}
    COMMAND sluice completion ${shell} > ${package_files}/completion.${shell} VERBATIM)
  list(APPEND completions ${package_files}/completion.${shell})
endforeach()

# No time stamps in what is compressed, so that equal input gives equal packages.
add_custom_command(OUTPUT ${package_files}/man.stamp
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${package_files}/man1
  COMMAND ${CMAKE_COMMAND} -E copy_directory ${PROJECT_BINARY_DIR}/man ${package_files}/man1
  COMMAND ${GZIP} -9nr ${package_files}/man1
  COMMAND ${CMAKE_COMMAND} -E touch ${package_files}/man.stamp
  DEPENDS sluice VERBATIM)

# sluice_shell_files(PREFIX OPTIONS...): installs man pages and completions below PREFIX (with its
# slash) and share/.
function(sluice_shell_files prefix)
  install(DIRECTORY ${package_files}/man1 DESTINATION ${prefix}share/man ${ARGN})
  install(FILES ${package_files}/completion.bash RENAME sluice
    DESTINATION ${prefix}share/bash-completion/completions ${ARGN})
  install(FILES ${package_files}/completion.zsh RENAME _sluice
    DESTINATION ${prefix}share/zsh/vendor-completions ${ARGN})
  install(FILES ${package_files}/completion.fish RENAME sluice.fish
    DESTINATION ${prefix}share/fish/vendor_completions.d ${ARGN})
endfunction()
