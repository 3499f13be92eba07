/*
 * Prints the tables of variables and rule options, for options-documented.sh:
 * "variable NAME DEFAULT", "option NAME FORM" and "counter NAME TEXT" lines.
 */
#include <stdio.h>

#include "base/counters.h"
#include "base/options.h"

int main(void)
{
    struct oc_option_text variable;
    struct oc_rule_option_text option;

    for (size_t i = 0; oc_options_text(i, &variable); i++)
        printf("variable %s %s\n", variable.name, variable.fallback);
    for (size_t i = 0; oc_rules_option_text(i, &option); i++)
        printf("option %s %s\n", option.name, option.form);
#define X(name, text) puts("counter " #name " " text);
    OC_COUNTER_LIST(X)
#undef X
    return 0;
}
