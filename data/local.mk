# Completions of shells, and units for systemd.
bashcompletiondir = $(datadir)/bash-completion/completions
zshcompletiondir = $(datadir)/zsh/site-functions
fishcompletiondir = $(datadir)/fish/vendor_completions.d
zshcompletion_DATA = data/completions/_onecopy
fishcompletion_DATA = data/completions/onecopy.fish
EXTRA_DIST += data/completions/onecopy.bash $(zshcompletion_DATA) $(fishcompletion_DATA)

# bash looks for a file of the command's name.
install-data-local:
	$(MKDIR_P) '$(DESTDIR)$(bashcompletiondir)'
	$(INSTALL_DATA) $(srcdir)/data/completions/onecopy.bash \
		'$(DESTDIR)$(bashcompletiondir)/onecopy'
uninstall-local:
	rm -f '$(DESTDIR)$(bashcompletiondir)/onecopy'

# For each user's own manager: a home belongs to one user.  The service has the path of the command.
systemduserunitdir = $(prefix)/lib/systemd/user
nodist_systemduserunit_DATA = data/systemd/onecopy-clean.service
dist_systemduserunit_DATA = data/systemd/onecopy-clean.timer
data/systemd/onecopy-clean.service: $(srcdir)/data/systemd/onecopy-clean.service.in Makefile
	@$(MKDIR_P) data/systemd
	$(AM_V_GEN)sed 's|@bindir[@]|$(bindir)|' $(srcdir)/data/systemd/onecopy-clean.service.in >$@
EXTRA_DIST += data/systemd/onecopy-clean.service.in
CLEANFILES += data/systemd/onecopy-clean.service
