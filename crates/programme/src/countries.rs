//! Country codes: ISO 3166-1 alpha-2, officially assigned.

/// All codes in alphabetical order, two letters each.
const CODES: &str = "\
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS \
BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE \
EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM \
HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC \
LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA \
NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW \
SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO \
TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

/// What people write instead of a code, and the code.
const MISTAKEN: &[(&str, &str)] = &[
    ("UK", "GB"),
    ("EL", "GR"),
    ("RUS", "RU"),
    ("PAK", "PK"),
    ("USA", "US"),
    ("CHN", "CN"),
    ("IND", "IN"),
    ("IRN", "IR"),
    ("AFG", "AF"),
    ("RUSSIA", "RU"),
    ("PAKISTAN", "PK"),
    ("CHINA", "CN"),
    ("INDIA", "IN"),
    ("IRAN", "IR"),
    ("AFGHANISTAN", "AF"),
];

/// True when `code` is assigned, in upper case.
pub(crate) fn is_assigned(code: &str) -> bool {
    code.len() == 2 && CODES.split(' ').any(|known| known == code)
}

/// The code that was probably meant.
pub(crate) fn meant(word: &str) -> Option<String> {
    let upper = word.trim().to_uppercase();
    if is_assigned(&upper) {
        return Some(upper);
    }
    let known = MISTAKEN.iter().find(|(mistaken, _)| *mistaken == upper)?;
    Some(known.1.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_whole_and_sorted() {
        let codes: Vec<_> = CODES.split(' ').collect();
        assert_eq!(codes.len(), 249);
        assert!(codes.is_sorted());
        assert!(codes.iter().all(|code| code.len() == 2));
        assert!(is_assigned("PK") && !is_assigned("UK") && !is_assigned("A"));
    }
}
