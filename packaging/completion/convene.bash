# SPDX-License-Identifier: MIT
# bash completion for convene
_convene()
{
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local commands='send receive connect serve talk probe trace help'
    local common='--help --verbose --silent --json --pcap= --snap= --ipv4 --ipv6'
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$word")
        return
    fi
    case $before in
    --into) mapfile -t COMPREPLY < <(compgen -d -- "$word") && return ;;
    --pcap | --svg) mapfile -t COMPREPLY < <(compgen -f -- "$word") && return ;;
    --on-conflict) mapfile -t COMPREPLY < <(compgen -W 'fail replace rename' -- "$word") && return ;;
    esac
    case $word in
    -*)
        case ${COMP_WORDS[1]} in
        send)
            common+=' --jobs= --limit-rate= --hash=xxh128 --hash=sha256 --follow --name= --again'
            common+=' --config= --dscp= --priority='
            common+=' --connect-timeout= --retry-for= --dead-after= --window= --checkpoint= --points='
            ;;
        talk)
            common+=' --listen= --once --auto --raw --expedited --reuse --extended --error-report --units='
            common+=' --versions= --tpdu-size= --tim= --show= --connect-timeout= --insecure --config= --dscp= --priority='
            ;;
        connect)
            common='--help --verbose --json --ipv4 --ipv6 --connect-timeout= --retry-for= --window= --config= --dscp= --priority='
            ;;
        serve)
            common='--help --verbose --silent --json --ipv4 --ipv6 --listen= --keep= --window= --insecure'
            ;;
        probe)
            common='--help --verbose --json --ipv4 --ipv6 --timeout= --connect-timeout= --data= --config= --dscp= --priority='
            ;;
        trace) common='--help --json --svg= --user-data= --port=' ;;
        receive)
            common+=' --listen= --into= --once --on-conflict=fail --on-conflict=replace'
            common+=' --on-conflict=rename --keep= --max-octets= --insecure'
            ;;
        esac
        mapfile -t COMPREPLY < <(compgen -W "$common" -- "$word")
        ;;
    i*) mapfile -t COMPREPLY < <(compgen -W 'iso://' -- "$word") ;;
    *) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    esac
}
complete -o nospace -o filenames -F _convene convene
