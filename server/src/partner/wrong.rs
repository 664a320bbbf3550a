//! What is wrong with a stream as a whole, said to whoever sent it, in Chinese.

use zhengcha_engine::claims::StreamError;

/// The reason and the cure.
pub(crate) fn in_chinese(error: &StreamError) -> String {
    match error {
        StreamError::NoHeader => {
            "CSV 没有表头；首行应为列名，如 ref,id_number,certificate_number,name。".to_owned()
        }
        StreamError::HeaderUnreadable => {
            "CSV 表头无法读取：应为一行，符合所声明的字符集，不超过 4096 字节。".to_owned()
        }
        StreamError::UnknownColumn(column) => {
            format!("CSV 中的列“{column}”不是可用的列，请去掉；可用的列见接口文档。")
        }
        StreamError::DuplicateColumn(field) => format!("CSV 中有两列都是 {field}。"),
        StreamError::FewKeyColumns => {
            "CSV 的列中至少要有 id_number、certificate_number、ticket_number、name 中的两项。"
                .to_owned()
        }
        StreamError::NotAnArray => "请求体应为待核验对象的 JSON 数组。".to_owned(),
        other => format!("待核验数据无法读取：{other}。"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_sentences_and_name_the_column() {
        let unknown = in_chinese(&StreamError::UnknownColumn("phone".to_owned()));
        assert!(unknown.contains("phone"));
        for error in [
            StreamError::NoHeader,
            StreamError::HeaderUnreadable,
            StreamError::UnknownColumn("phone".to_owned()),
            StreamError::DuplicateColumn("name"),
            StreamError::FewKeyColumns,
            StreamError::NotAnArray,
        ] {
            assert!(in_chinese(&error).ends_with('。'), "{error}");
        }
    }
}
