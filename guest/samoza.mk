# Builds the spaces of a MEX source directory:
#
#   include /usr/share/samoza/guest/samoza.mk        in a Makefile, or
#   make -f .../guest/samoza.mk                      in the directory
#
# every spaces/NAME/src/*.c becomes spaces/NAME/core.wasm. `make clean-spaces` removes them.
SAMOZA_GUEST := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))
CLANG ?= clang
SAMOZA_FLAGS := $(shell sed '/^\#/d' $(SAMOZA_GUEST)flags)
SAMOZA_SPACES := $(patsubst spaces/%/src/,%,$(dir $(sort $(wildcard spaces/*/src/*.c))))
SAMOZA_MODULES := $(sort $(SAMOZA_SPACES:%=spaces/%/core.wasm))

.PHONY: spaces clean-spaces
spaces: $(SAMOZA_MODULES)

.SECONDEXPANSION:
$(SAMOZA_MODULES): spaces/%/core.wasm: $$(sort $$(wildcard spaces/$$*/src/*)) \
		$(SAMOZA_GUEST)flags $(SAMOZA_GUEST)include/samoza.h
	cd spaces/$* && $(CLANG) $(SAMOZA_FLAGS) -I $(SAMOZA_GUEST)include \
		$$(test ! -f src/flags || sed '/^#/d' src/flags) -o core.wasm src/*.c

clean-spaces:
	rm -f $(SAMOZA_MODULES)
